#pragma once

// Catch2 v2 (Debian 12) is one header; v3 (Debian 13 and later) has several, and another name for
// the matcher of substrings, which the tests use.
#if __has_include(<catch2/catch.hpp>)
#include <catch2/catch.hpp>

namespace Catch::Matchers {
inline auto ContainsSubstring(const std::string& text) { return Contains(text); }
}  // namespace Catch::Matchers
#else
#include <catch2/catch_all.hpp>
using Catch::Approx;
#endif
