#include "report/confusion.h"

#include "support.h"

using namespace mlrun;
using namespace mlrun::report;

TEST_CASE("a confusion matrix is shown with the share of each class that was right", "[report]") {
  const Confusion confusion{{"cat", "dog, big", "none"}, {{9, 1, 0}, {0, 20, 0}, {0, 0, 0}}};
  CHECK(confusion_text(confusion) ==
        "#  true \\ predicted  0   1  2  samples     right\n"
        "-  ----------------  -  --  -  -------  --------\n"
        "0  cat               9   1  .       10   90.00 %\n"
        "1  dog, big          .  20  .       20  100.00 %\n"
        "2  none              .   .  .        0         -\n");
  CHECK(confusion_csv(confusion) ==
        "true,cat,\"dog, big\",none\n"
        "cat,9,1,0\n"
        "\"dog, big\",0,20,0\n"
        "none,0,0,0\n");
}

TEST_CASE("a confusion matrix is read from a metric's details", "[report]") {
  const Confusion confusion =
      read_confusion(Json::parse(R"({"classes":["a","b"],"matrix":[[1,2],[3,4]],"invalid":0})"));
  CHECK(confusion_csv(confusion) == "true,a,b\na,1,2\nb,3,4\n");
}

TEST_CASE("a confusion matrix that is not square is a bug", "[report]") {
  CHECK_THROWS_AS(confusion_text({{"a", "b"}, {{1, 2}}}), InternalError);
  CHECK_THROWS_AS(confusion_csv({{"a", "b"}, {{1, 2}, {3}}}), InternalError);
}
