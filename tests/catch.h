#pragma once

// Catch2 v2 (Debian 12) is one header; v3 (Debian 13 and later) has several.
#if __has_include(<catch2/catch.hpp>)
#include <catch2/catch.hpp>
#else
#include <catch2/catch_all.hpp>
using Catch::Approx;
#endif
