#pragma once

#include <troupe/protocol/plan.hpp>

#include <memory>

namespace troupe::detail {

class deployment_core;

/// Turns the plan of a deployment into actors: fills its replicas, identities, breakers and caches.
void spawn_stages(deployment_core& deployment, const plan::resolver& find);

} // namespace troupe::detail
