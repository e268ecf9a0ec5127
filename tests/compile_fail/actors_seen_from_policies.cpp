// expect: troupe/actors/stage.hpp: No such file or directory
#include <troupe/actors/stage.hpp>
