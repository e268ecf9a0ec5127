// expect: troupe/policies/retry.hpp: No such file or directory
#include <troupe/policies/retry.hpp>
