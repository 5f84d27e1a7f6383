#include "data/sources/split.h"

namespace mlrun::data {

const char* split_name(Split split) {
  switch (split) {
    case Split::Train: return "train";
    case Split::Val: return "val";
    case Split::Test: break;
  }
  return "test";
}

}  // namespace mlrun::data
