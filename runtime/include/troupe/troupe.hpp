#pragma once

/// Everything of troupe but the test kit (`runtime/testing.hpp`) and the bridge to CAF
/// (`actors/caf_interop.hpp`).
#include <troupe/runtime/choose.hpp>
#include <troupe/runtime/compose.hpp>
#include <troupe/runtime/deployment.hpp>
#include <troupe/runtime/fields.hpp>
#include <troupe/runtime/http_steps.hpp>
#include <troupe/runtime/observer.hpp>
#include <troupe/runtime/pause.hpp>
#include <troupe/runtime/protect.hpp>
#include <troupe/runtime/redis_cache.hpp>
#include <troupe/runtime/run.hpp>
#include <troupe/runtime/runtime.hpp>
#include <troupe/runtime/step.hpp>
