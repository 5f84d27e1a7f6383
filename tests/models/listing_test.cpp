#include "models/listing.h"

#include <torch/types.h>

#include <algorithm>
#include <map>

#include "models/named_model.h"
#include "models/published.h"
#include "models/registry.h"
#include "support.h"

using namespace mlrun;
using namespace mlrun::models;
using Catch::Matchers::ContainsSubstring;
using mlrun::test::user_error;

namespace {

std::vector<std::string> names(const ListQuery& query) {
  std::vector<std::string> found;
  for (const Json& model : list_models(query)) found.push_back(model.at("name").get<std::string>());
  return found;
}

}  // namespace

TEST_CASE("the parameter counts of table T1 come out", "[models]") {
  // PyTorch blog, 2021, "Everything you need to know about TorchVision's MobileNetV3 implementation".
  const std::map<std::string, double> millions = {{"mobilenet_v3_large", 5.48},
                                                  {"mobilenet_v3_small", 2.54},
                                                  {"mobilenet_v2", 3.50},
                                                  {"resnet50", 25.56},
                                                  {"resnet18", 11.69}};
  for (const auto& [name, count] : millions) {
    ListQuery query;
    query.pattern = name;
    const auto found = list_models(query);
    if (found.empty()) continue;
    INFO(name);
    CHECK(std::abs(found.front().at("params").get<double>() / 1e6 - count) <= 0.005);
  }
}

TEST_CASE("every published model has the parameters that torchvision says", "[models]") {
  for (const Json& model : list_models({})) {
    const auto entries = published_weights(model.at("name").get<std::string>());
    // Detectors get other norms with weights (detection/pretrained_test.cpp).
    if (entries.empty() || model.at("task") == "detection") continue;
    INFO(model.at("name").get<std::string>());
    // The entry that fits the model as built by default; larger images have larger position embeddings.
    const auto fits = [&](const PublishedWeights* weights) {
      return weights->entry == model.at("metrics").at("weights").get<std::string>();
    };
    const auto usual = std::find_if(entries.begin(), entries.end(), fits);
    REQUIRE(usual != entries.end());
    const auto counted = model.at("params").get<std::int64_t>();
    const std::string name = model.at("name");
    // Torchvision counts googlenet and inception without and with their auxiliary heads.
    if (name != "googlenet" && name != "inception_v3") CHECK(counted == (*usual)->params);
  }
}

TEST_CASE("models are chosen by name and size", "[models]") {
  ListQuery query;
  query.pattern = "mobilenet_v3*";
  query.max_params = parse_count("5M", "--max-params");
  CHECK(names(query) == std::vector<std::string>{"mobilenet_v3_small"});
  query.max_params = 5483032;  // the bounds are inside
  query.min_params = 2542856;
  CHECK(names(query).size() == 2);
  query.max_macs = 1e8;
  CHECK(names(query) == std::vector<std::string>{"mobilenet_v3_small"});
  query = {};
  query.pattern = "resnet[135]*";
  query.min_acc1 = 73;
  for (const auto& name : names(query)) CHECK(name != "resnet18");
  query.pattern = "small_cnn";  // nothing is published of it
  CHECK(names(query).empty());
  query.min_acc1.reset();
  CHECK(names(query).size() == 1);
}

TEST_CASE("models are put in order", "[models]") {
  for (const char* key : {"params", "macs"}) {
    ListQuery query;
    query.sort = key;
    const auto found = list_models(query);
    for (std::size_t i = 1; i < found.size(); ++i) {
      if (found[i].at(key).is_null()) continue;  // those without a figure come last
      CHECK(found[i - 1].at(key).get<std::int64_t>() <= found[i].at(key).get<std::int64_t>());
    }
  }
  ListQuery query;
  query.sort = "acc1";
  query.pattern = "*[ls]*";
  query.task = "classification";
  double last = 100;
  bool published = true;
  for (const Json& model : list_models(query)) {
    const bool has = model.at("metrics").is_object();
    CHECK((published || !has));
    published = has;
    if (!has) continue;
    CHECK(model.at("metrics").at("acc1").get<double>() <= last);
    last = model.at("metrics").at("acc1").get<double>();
  }
  query.sort = "name";
  const auto sorted = names(query);
  CHECK(std::is_sorted(sorted.begin(), sorted.end()));
  query.sort = "size";
  CHECK(user_error([&] { list_models(query); }) ==
        "--sort: there is no order 'size'; choose name, params, macs or acc1");
}

TEST_CASE("what is published is told in the order in which it comes up", "[models]") {
  ListQuery query;
  query.pattern = "*_mobilenet_v3_large";
  query.task = "segmentation";
  CHECK(published_metrics(list_models(query)) == std::vector<std::string>{"miou", "pixel_acc"});
  query.pattern = "*mobilenet_v3_large";
  query.task = "";
  CHECK(published_metrics(list_models(query)) == std::vector<std::string>{"acc1", "acc5", "miou", "pixel_acc", "ap"});
  query.pattern = "small_cnn";
  CHECK(published_metrics(list_models(query)).empty());
}

TEST_CASE("models are chosen by what they are made for", "[models]") {
  ListQuery query;
  query.pattern = "resnet*";
  query.task = "classification";
  CHECK(names(query) == std::vector<std::string>{"resnet18", "resnet34", "resnet50", "resnet101", "resnet152"});
  for (const Json& model : list_models(query)) CHECK(model.at("task") == "classification");
  query.task = "zebras";
  CHECK(names(query).empty());
}

TEST_CASE("counts are written with k, M and G", "[models]") {
  CHECK(parse_count("5M", "-") == 5e6);
  CHECK(parse_count("2.5k", "-") == 2500);
  CHECK(parse_count("1G", "-") == 1e9);
  CHECK(parse_count("5000000", "-") == 5e6);
  CHECK(parse_count("0", "-") == 0);
  for (const char* wrong : {"", "M", "five", "5m", "5MM", "-1", "5 M", "nan", "inf", "1e400", "0x5"}) {
    INFO(wrong);
    CHECK(user_error([&] { parse_count(wrong, "--max-params"); }) ==
          "--max-params: '" + std::string(wrong) + "' is no count; write a number, as 5M for 5,000,000");
  }
}

TEST_CASE("preprocessing is that of the weights, else of the architecture", "[models]") {
  const auto facts = [](const std::string& name, const std::vector<config::Override>& overrides = {}) {
    return preprocessing_facts(make_named(name, overrides).section);
  };
  CHECK(facts("resnet50") == Json{{"input_size", 224},
                                  {"resize_size", 256},
                                  {"interpolation", "bilinear"},
                                  {"mean", {0.485, 0.456, 0.406}},
                                  {"std", {0.229, 0.224, 0.225}}});
  CHECK(facts("resnet50", {{"model.weights", "IMAGENET1K_V2"}}).at("resize_size") == 232);
  CHECK(facts("resnet50", {{"model.weights", "/some/file.pth"}}).at("resize_size") == 256);
  CHECK(facts("lraspp_mobilenet_v3_large") == Json{{"input_size", 520},
                                                   {"resize_size", 520},
                                                   {"interpolation", "bilinear"},
                                                   {"mean", {0.485, 0.456, 0.406}},
                                                   {"std", {0.229, 0.224, 0.225}}});
  // Weights that are another model's say nothing of this one's images.
  CHECK(facts("lraspp_mobilenet_v3_large", {{"model.weights", "mobilenet_v3_large/IMAGENET1K_V1"}}).at("resize_size") ==
        520);
  CHECK(facts("small_cnn") == Json{{"input_size", 28}, {"resize_size", 28}});
  CHECK(facts("vit_b_16", {{"model.image_size", "384"}}).at("resize_size") == 439);
  const Json swag = facts("vit_b_16", {{"model.image_size", "384"}, {"model.weights", "IMAGENET1K_SWAG_E2E_V1"}});
  CHECK(swag.at("input_size") == 384);
  CHECK(swag.at("resize_size") == 384);
  CHECK(swag.at("interpolation") == "bicubic");
}

TEST_CASE("a model is built with options but without a recipe", "[models]") {
  const NamedModel plain = make_named("resnet18", {});
  CHECK(plain.num_classes == 1000);
  CHECK(plain.channels == 3);
  CHECK(plain.input_size == 224);
  const NamedModel ten = make_named("mobilenet_v3_small", {{"model.num_classes", "10"}, {"model.width_mult", "0.5"}});
  CHECK(ten.num_classes == 10);
  const auto state = nn::state_dict(*ten.layer);
  CHECK(state.back().second.size(0) == 10);
  CHECK(*make_named("resnet18", {{"model.weights", "IMAGENET1K_V1"}}).section.weights.file == "IMAGENET1K_V1");
  CHECK(user_error([] { make_named("resnet81", {}); }).rfind("there is no model named 'resnet81'; did you mean ", 0) ==
        0);
  CHECK_THAT(user_error([] {
               make_named("resnet18", {{"model.num_clases", "10"}});
             }),
             ContainsSubstring("command line: model.num_clases: unknown key; did you mean num_classes?"));
  CHECK_THAT(user_error([] {
               make_named("resnet18", {{"model.num_classes", "0"}});
             }),
             ContainsSubstring("model.num_classes: expected an integer of at least 1 or null, got 0"));
  CHECK_THAT(user_error([] {
               make_named("resnet18", {{"train.seed", "1"}});
             }),
             ContainsSubstring("train: unknown key"));
}
