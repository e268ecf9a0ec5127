#include <troupe/workflows/script_book.hpp>

#include <utility>

namespace troupe {

void script_book::open(const std::string& name) {
  const std::scoped_lock lock(mutex_);
  inputs_.try_emplace(name);
}

void script_book::record(const std::string& name, const value& input) {
  const std::scoped_lock lock(mutex_);
  inputs_[name].push_back(input);
}

bool script_book::empty() const {
  const std::scoped_lock lock(mutex_);
  return inputs_.empty();
}

value script_book::to_value() const {
  const std::scoped_lock lock(mutex_);
  value::map_type names;
  for (const auto& [name, inputs] : inputs_)
    names.emplace_back(name,
                       value::map({{"calls", inputs.size()}, {"inputs", value::list(inputs)}}));
  return value::map(std::move(names));
}

void script_book::reset() {
  const std::scoped_lock lock(mutex_);
  for (auto& [name, inputs] : inputs_) inputs.clear();
}

} // namespace troupe
