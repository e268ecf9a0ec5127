// expect: troupe/troupe.hpp: No such file or directory
#include <troupe/troupe.hpp>
