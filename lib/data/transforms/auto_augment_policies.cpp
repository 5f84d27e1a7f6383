#include <algorithm>

#include "base/error.h"
#include "data/transforms/auto_augment.h"

namespace mlrun::data {
namespace {

using Op = AugmentOp;
constexpr std::size_t kSubPolicies = 25;

constexpr std::array<SubPolicy, kSubPolicies> kImagenet = {{
    {{{Op::Posterize, 0.4, 8}, {Op::Rotate, 0.6, 9}}},    {{{Op::Solarize, 0.6, 5}, {Op::AutoContrast, 0.6, -1}}},
    {{{Op::Equalize, 0.8, -1}, {Op::Equalize, 0.6, -1}}}, {{{Op::Posterize, 0.6, 7}, {Op::Posterize, 0.6, 6}}},
    {{{Op::Equalize, 0.4, -1}, {Op::Solarize, 0.2, 4}}},  {{{Op::Equalize, 0.4, -1}, {Op::Rotate, 0.8, 8}}},
    {{{Op::Solarize, 0.6, 3}, {Op::Equalize, 0.6, -1}}},  {{{Op::Posterize, 0.8, 5}, {Op::Equalize, 1.0, -1}}},
    {{{Op::Rotate, 0.2, 3}, {Op::Solarize, 0.6, 8}}},     {{{Op::Equalize, 0.6, -1}, {Op::Posterize, 0.4, 6}}},
    {{{Op::Rotate, 0.8, 8}, {Op::Color, 0.4, 0}}},        {{{Op::Rotate, 0.4, 9}, {Op::Equalize, 0.6, -1}}},
    {{{Op::Equalize, 0.0, -1}, {Op::Equalize, 0.8, -1}}}, {{{Op::Invert, 0.6, -1}, {Op::Equalize, 1.0, -1}}},
    {{{Op::Color, 0.6, 4}, {Op::Contrast, 1.0, 8}}},      {{{Op::Rotate, 0.8, 8}, {Op::Color, 1.0, 2}}},
    {{{Op::Color, 0.8, 8}, {Op::Solarize, 0.8, 7}}},      {{{Op::Sharpness, 0.4, 7}, {Op::Invert, 0.6, -1}}},
    {{{Op::ShearX, 0.6, 5}, {Op::Equalize, 1.0, -1}}},    {{{Op::Color, 0.4, 0}, {Op::Equalize, 0.6, -1}}},
    {{{Op::Equalize, 0.4, -1}, {Op::Solarize, 0.2, 4}}},  {{{Op::Solarize, 0.6, 5}, {Op::AutoContrast, 0.6, -1}}},
    {{{Op::Invert, 0.6, -1}, {Op::Equalize, 1.0, -1}}},   {{{Op::Color, 0.6, 4}, {Op::Contrast, 1.0, 8}}},
    {{{Op::Equalize, 0.8, -1}, {Op::Equalize, 0.6, -1}}},
}};

constexpr std::array<SubPolicy, kSubPolicies> kCifar10 = {{
    {{{Op::Invert, 0.1, -1}, {Op::Contrast, 0.2, 6}}},         {{{Op::Rotate, 0.7, 2}, {Op::TranslateX, 0.3, 9}}},
    {{{Op::Sharpness, 0.8, 1}, {Op::Sharpness, 0.9, 3}}},      {{{Op::ShearY, 0.5, 8}, {Op::TranslateY, 0.7, 9}}},
    {{{Op::AutoContrast, 0.5, -1}, {Op::Equalize, 0.9, -1}}},  {{{Op::ShearY, 0.2, 7}, {Op::Posterize, 0.3, 7}}},
    {{{Op::Color, 0.4, 3}, {Op::Brightness, 0.6, 7}}},         {{{Op::Sharpness, 0.3, 9}, {Op::Brightness, 0.7, 9}}},
    {{{Op::Equalize, 0.6, -1}, {Op::Equalize, 0.5, -1}}},      {{{Op::Contrast, 0.6, 7}, {Op::Sharpness, 0.6, 5}}},
    {{{Op::Color, 0.7, 7}, {Op::TranslateX, 0.5, 8}}},         {{{Op::Equalize, 0.3, -1}, {Op::AutoContrast, 0.4, -1}}},
    {{{Op::TranslateY, 0.4, 3}, {Op::Sharpness, 0.2, 6}}},     {{{Op::Brightness, 0.9, 6}, {Op::Color, 0.2, 8}}},
    {{{Op::Solarize, 0.5, 2}, {Op::Invert, 0.0, -1}}},         {{{Op::Equalize, 0.2, -1}, {Op::AutoContrast, 0.6, -1}}},
    {{{Op::Equalize, 0.2, -1}, {Op::Equalize, 0.6, -1}}},      {{{Op::Color, 0.9, 9}, {Op::Equalize, 0.6, -1}}},
    {{{Op::AutoContrast, 0.8, -1}, {Op::Solarize, 0.2, 8}}},   {{{Op::Brightness, 0.1, 3}, {Op::Color, 0.7, 0}}},
    {{{Op::Solarize, 0.4, 5}, {Op::AutoContrast, 0.9, -1}}},   {{{Op::TranslateY, 0.9, 9}, {Op::TranslateY, 0.7, 9}}},
    {{{Op::AutoContrast, 0.9, -1}, {Op::Solarize, 0.8, 3}}},   {{{Op::Equalize, 0.8, -1}, {Op::Invert, 0.1, -1}}},
    {{{Op::TranslateY, 0.7, 9}, {Op::AutoContrast, 0.9, -1}}},
}};

constexpr std::array<SubPolicy, kSubPolicies> kSvhn = {{
    {{{Op::ShearX, 0.9, 4}, {Op::Invert, 0.2, -1}}},        {{{Op::ShearY, 0.9, 8}, {Op::Invert, 0.7, -1}}},
    {{{Op::Equalize, 0.6, -1}, {Op::Solarize, 0.6, 6}}},    {{{Op::Invert, 0.9, -1}, {Op::Equalize, 0.6, -1}}},
    {{{Op::Equalize, 0.6, -1}, {Op::Rotate, 0.9, 3}}},      {{{Op::ShearX, 0.9, 4}, {Op::AutoContrast, 0.8, -1}}},
    {{{Op::ShearY, 0.9, 8}, {Op::Invert, 0.4, -1}}},        {{{Op::ShearY, 0.9, 5}, {Op::Solarize, 0.2, 6}}},
    {{{Op::Invert, 0.9, -1}, {Op::AutoContrast, 0.8, -1}}}, {{{Op::Equalize, 0.6, -1}, {Op::Rotate, 0.9, 3}}},
    {{{Op::ShearX, 0.9, 4}, {Op::Solarize, 0.3, 3}}},       {{{Op::ShearY, 0.8, 8}, {Op::Invert, 0.7, -1}}},
    {{{Op::Equalize, 0.9, -1}, {Op::TranslateY, 0.6, 6}}},  {{{Op::Invert, 0.9, -1}, {Op::Equalize, 0.6, -1}}},
    {{{Op::Contrast, 0.3, 3}, {Op::Rotate, 0.8, 4}}},       {{{Op::Invert, 0.8, -1}, {Op::TranslateY, 0.0, 2}}},
    {{{Op::ShearY, 0.7, 6}, {Op::Solarize, 0.4, 8}}},       {{{Op::Invert, 0.6, -1}, {Op::Rotate, 0.8, 4}}},
    {{{Op::ShearY, 0.3, 7}, {Op::TranslateX, 0.9, 3}}},     {{{Op::ShearX, 0.1, 6}, {Op::Invert, 0.6, -1}}},
    {{{Op::Solarize, 0.7, 2}, {Op::TranslateY, 0.6, 7}}},   {{{Op::ShearY, 0.8, 4}, {Op::Invert, 0.8, -1}}},
    {{{Op::ShearX, 0.7, 9}, {Op::TranslateY, 0.8, 3}}},     {{{Op::ShearY, 0.8, 5}, {Op::AutoContrast, 0.7, -1}}},
    {{{Op::ShearX, 0.7, 2}, {Op::Invert, 0.1, -1}}},
}};

std::vector<SubPolicy> listed(const std::array<SubPolicy, kSubPolicies>& rows) { return {rows.begin(), rows.end()}; }

}  // namespace

const std::vector<std::string>& auto_augment_policies() {
  static const std::vector<std::string> names = {"imagenet", "cifar10", "svhn"};
  return names;
}

const std::vector<SubPolicy>& auto_augment_policy(const std::string& name) {
  static const std::array<std::vector<SubPolicy>, 3> policies = {listed(kImagenet), listed(kCifar10), listed(kSvhn)};
  const auto& names = auto_augment_policies();
  const auto found = std::find(names.begin(), names.end(), name);
  MLRUN_ASSERT(found != names.end(), "unknown policy " + name);
  return policies[static_cast<std::size_t>(found - names.begin())];
}

}  // namespace mlrun::data
