#include "engine/run/recorded_figures.h"

#include "figures.h"
#include "support.h"

using namespace mlrun;
using engine::recorded_figure;
using report::Better;
using report::Figure;

TEST_CASE("a figure is read as it was recorded", "[engine]") {
  const Figure figure = {"val/rmse", 2.5, Better::Lower, 3, "K"};
  CHECK(engine::kind_json(figure) == Json{{"better", "lower"}, {"digits", 3}, {"unit", "K"}});
  CHECK(recorded_figure("val/rmse", 2.5, engine::kind_json(figure)) == figure);
  CHECK(recorded_figure("val/loss", 1, engine::kind_json({"val/loss", 0})).better == Better::Higher);
}

TEST_CASE("a run that recorded no kinds has those that mlrun 0.1 knew", "[engine]") {
  for (const char* name : {"loss", "val/loss", "val/swa_loss", "test/brier", "ece", "val/ema_ece"}) {
    CHECK(recorded_figure(name, 0, nullptr).better == Better::Lower);
  }
  for (const char* name : {"acc1", "val/acc5", "val/closs", "psnr", "val/niece"}) {
    CHECK(recorded_figure(name, 0, nullptr).better == Better::Higher);
  }
  CHECK(recorded_figure("val/ema_loss", 0, nullptr).digits == 4);
  CHECK(recorded_figure("test/acc1", 0, nullptr).digits == 2);
}

TEST_CASE("a kind that is damaged costs the figure its looks alone", "[engine]") {
  const Json damaged = {{"better", 3}, {"digits", 1e9}, {"unit", nullptr}};
  CHECK(recorded_figure("acc1", 7, damaged) == Figure{"acc1", 7});
  CHECK(recorded_figure("acc1", 7, Json{{"digits", 4000}}).digits == 17);
  CHECK(recorded_figure("acc1", 7, Json{{"digits", -1}}).digits == 0);
}
