#pragma once

#include <troupe/protocol/value.hpp>

namespace troupe {

/// Results inside a value, as blocks put them into their output, become plain maps when the value
/// is encoded. This is a form in which they can be told from other maps: for what the stage after
/// the block is to find as it was. A value without results is its own form.
[[nodiscard]] value to_portable(const value& content);

/// Returns what `to_portable` was given. What does not read as a result stays as it is.
[[nodiscard]] value from_portable(const value& content);

} // namespace troupe
