#include "models/image_context.h"

#include "models/named_model.h"

namespace mlrun::models {

data::TransformContext transform_context(const config::ModelSection& section, std::int64_t channels) {
  const Json facts = preprocessing_facts(section);
  data::TransformContext context;
  context.input_size = facts.at("input_size").get<std::int64_t>();
  context.resize_size = facts.at("resize_size").get<std::int64_t>();
  context.channels = channels;
  context.interpolation = facts.value("interpolation", context.interpolation);
  context.mean = facts.value("mean", context.mean);
  context.deviation = facts.value("std", context.deviation);
  return context;
}

}  // namespace mlrun::models
