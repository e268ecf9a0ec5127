// expect: troupe/nodes/node.hpp: No such file or directory
#include <troupe/nodes/node.hpp>
