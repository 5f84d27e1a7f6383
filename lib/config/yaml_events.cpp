#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <map>
#include <optional>
#include <sstream>

#include "config/yaml_source.h"

namespace mlrun::config {
namespace {

/// Builds the tree from yaml-cpp's events. Mistakes that leave the structure clear are collected,
/// the others are thrown at once.
class Builder : public YAML::EventHandler {
 public:
  explicit Builder(const YamlSource& source) : source_(source) {}

  std::optional<Node> root;
  std::vector<Problem> problems;

  /// Where the innermost bracket that is still open stands.
  const YAML::Mark* open_bracket() const;

  void OnDocumentStart(const YAML::Mark& mark) override;
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override;
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override;
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override;
  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value style) override;
  void OnSequenceEnd() override { close(); }
  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value style) override;
  void OnMapEnd() override { close(); }

 private:
  /// A list or map whose end has not come yet.
  struct Frame {
    Node node;
    YAML::Mark mark;
    YAML::anchor_t anchor = 0;
    bool flow = false;
    std::optional<Node::Entry> pending;  ///< a key that waits for its value
    YAML::Mark pending_mark;
    bool duplicate = false;
    std::map<std::string, Origin> seen;
  };

  Origin origin(const YAML::Mark& mark) const { return source_.origin(mark.line, mark.column); }
  std::string path() const;
  Problem problem(const YAML::Mark& mark, std::string message, std::string hint) const;
  [[noreturn]] void fail(const YAML::Mark& mark, std::string message, std::string hint) const;
  void note(const YAML::Mark& mark, std::string message, std::string hint);

  bool key_expected() const;
  void require_value(const YAML::Mark& mark) const;
  void take_key(const YAML::Mark& mark, const std::string& key, bool quoted);
  void check_value_given(const YAML::Mark& mark);
  void check_scalar(const YAML::Mark& mark, const std::string& value);
  void check_quotes(const YAML::Mark& mark);
  void check_tag(const YAML::Mark& mark, const std::string& tag, bool known);
  void spend(const YAML::Mark& mark, std::size_t weight);
  void open(const YAML::Mark& mark, Node::Type type, YAML::anchor_t anchor, bool flow);
  void close();
  void add(Node value, YAML::anchor_t anchor);

  const YamlSource& source_;
  std::vector<Frame> frames_;
  std::map<YAML::anchor_t, Node> anchors_;
  std::size_t spent_ = 0;
};

const YAML::Mark* Builder::open_bracket() const {
  for (auto frame = frames_.rbegin(); frame != frames_.rend(); ++frame) {
    const auto text = source_.from(frame->mark.line, frame->mark.column);
    if (frame->flow && !text.empty() && (text[0] == '[' || text[0] == '{')) return &frame->mark;
  }
  return nullptr;
}

std::string Builder::path() const {
  std::string path;
  for (const auto& frame : frames_) {
    const bool list = frame.node.type == Node::Type::List;
    if (!list && !frame.pending) break;
    path += (path.empty() ? "" : ".") + (list ? std::to_string(frame.node.items.size()) : frame.pending->key);
  }
  return path;
}

Problem Builder::problem(const YAML::Mark& mark, std::string message, std::string hint) const {
  const Origin place = origin(mark);
  return {place.file, place.line, place.column, path(), std::move(message), std::move(hint)};
}

void Builder::fail(const YAML::Mark& mark, std::string message, std::string hint) const {
  auto all = problems;
  all.push_back(problem(mark, std::move(message), std::move(hint)));
  throw UserError(std::move(all));
}

void Builder::note(const YAML::Mark& mark, std::string message, std::string hint) {
  constexpr std::size_t kMostProblems = 50;
  problems.push_back(problem(mark, std::move(message), std::move(hint)));
  if (problems.size() >= kMostProblems) throw UserError(problems);
}

void Builder::spend(const YAML::Mark& mark, std::size_t weight) {
  spent_ += weight;
  if (spent_ > kHeaviestTree) {
    fail(mark, "the file expands to more than " + std::to_string(kHeaviestTree) + " values",
         "use fewer or smaller aliases");
  }
}

bool Builder::key_expected() const {
  return !frames_.empty() && frames_.back().node.type == Node::Type::Map && !frames_.back().pending;
}

void Builder::require_value(const YAML::Mark& mark) const {
  if (key_expected()) fail(mark, "a key must be plain text", "write 'key: value', and close every bracket");
}

void Builder::OnDocumentStart(const YAML::Mark& mark) {
  if (!root) return;
  const bool marked = source_.rest_of_line(mark.line, mark.column).rfind("---", 0) == 0;
  if (marked) fail(mark, "a second document begins here", "keep one document in each file");
  fail(mark, "this does not belong to what stands above it", "check the indentation; a file holds one map");
}

void Builder::OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) {
  require_value(mark);
  check_value_given(mark);
  spend(mark, 1);
  Node node;
  node.origin = origin(mark);
  if (!frames_.empty() && frames_.back().pending && node.origin.line > frames_.back().pending->origin.line) {
    node.origin = frames_.back().pending->origin;  // yaml-cpp gives the place of whatever comes next
  }
  add(std::move(node), anchor);
}

/// `{a, b: 1}` and a line `a` without a colon are null to yaml-cpp.
void Builder::check_value_given(const YAML::Mark& mark) {
  if (frames_.empty() || !frames_.back().pending) return;
  const auto& key = frames_.back().pending_mark;
  const bool unclosed = frames_.back().flow && key.pos == mark.pos;  // the exception comes right after
  if (unclosed) return;
  auto between = source_.from(key.line, key.column);
  between = frames_.back().flow ? between.substr(0, between.size() - source_.from(mark.line, mark.column).size())
                                : between.substr(0, between.find('\n'));
  if (between.find(':') == std::string_view::npos) note(key, "has no value", "write 'key: value'");
}

void Builder::OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) {
  require_value(mark);
  const auto found = anchors_.find(anchor);
  if (found == anchors_.end()) fail(mark, "the alias refers to a value that contains it", "remove the alias");
  spend(mark, weight(found->second));
  if (frames_.size() + height(found->second) > kHighestTree) {
    fail(mark, "values are nested more than " + std::to_string(kHighestTree) + " deep", "flatten them");
  }
  add(found->second, 0);
}

void Builder::OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                       const std::string& value) {
  const bool plain = tag == "?";
  const bool text = tag == "!" || tag == "tag:yaml.org,2002:str";
  const bool typed =
      tag == "tag:yaml.org,2002:int" || tag == "tag:yaml.org,2002:float" || tag == "tag:yaml.org,2002:bool";
  check_tag(mark, tag, plain || text || typed);
  if (anchor == 0 && plain) check_scalar(mark, value);
  if (anchor == 0 && !plain) check_quotes(mark);
  if (key_expected()) return take_key(mark, value, !plain);
  if (plain && has_leading_zero(value)) {
    note(mark, "the number " + value + " has leading zeros, which YAML versions read differently",
         "remove them, or quote the value where text is meant");
  }
  Node node;
  node.type = Node::Type::Scalar;
  node.scalar = value;
  node.quoted = text;
  node.origin = origin(mark);
  spend(mark, weight(node));
  add(std::move(node), anchor);
}

void Builder::check_tag(const YAML::Mark& mark, const std::string& tag, bool known) {
  if (known) return;
  constexpr std::string_view kCore = "tag:yaml.org,2002:";
  const std::string shown = tag.rfind(kCore, 0) == 0 ? "!!" + tag.substr(kCore.size()) : tag;
  note(mark, "the tag " + shown + " is not known here", "remove it, or quote the text");
}

/// Lines that are indented too far become part of the value above them; no recipe means that.
void Builder::check_scalar(const YAML::Mark& mark, const std::string& value) {
  if (source_.from(mark.line, mark.column).substr(0, value.size()) == value) return;
  if (open_bracket() != nullptr) {
    fail(mark, "this value goes on over the next line", "is a ',' or a closing bracket missing after it?");
  }
  fail(mark, "this value goes on over the next line", "check the indentation there, or quote the text");
}

/// yaml-cpp closes quotes itself where the file ends with the line.
void Builder::check_quotes(const YAML::Mark& mark) {
  const auto text = source_.from(mark.line, mark.column);
  if (text.empty() || (text[0] != '"' && text[0] != '\'')) return;
  for (std::size_t i = 1; i < text.size(); ++i) {
    if (text[i] == text[0]) return;
    if (text[0] == '"' && text[i] == '\\') ++i;
  }
  fail(mark, "a quoted text is not closed", "close the quotes");
}

void Builder::take_key(const YAML::Mark& mark, const std::string& key, bool quoted) {
  Frame& frame = frames_.back();
  frame.pending = Node::Entry{key, origin(mark), {}};
  frame.pending_mark = mark;
  spend(mark, 1 + key.size() / 100);
  if (key == "<<" && !quoted) note(mark, "merge keys are not supported", "list the other file under `extends`");
  const auto [first, added] = frame.seen.emplace(key, frame.pending->origin);
  if (frame.seen.size() > kMostKeys) {
    fail(mark, "a map has more than " + std::to_string(kMostKeys) + " keys", "is this the right file?");
  }
  frame.duplicate = !added;
  if (added) return;
  const Origin& place = first->second;
  note(mark, "is given twice, first at " + std::to_string(place.line) + ":" + std::to_string(place.column),
       "keep one of them");
}

void Builder::OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                              YAML::EmitterStyle::value style) {
  check_tag(mark, tag, tag == "?" || tag.empty() || tag == "tag:yaml.org,2002:seq");
  open(mark, Node::Type::List, anchor, style == YAML::EmitterStyle::Flow);
}

void Builder::OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                         YAML::EmitterStyle::value style) {
  check_tag(mark, tag, tag == "?" || tag.empty() || tag == "tag:yaml.org,2002:map");
  open(mark, Node::Type::Map, anchor, style == YAML::EmitterStyle::Flow);
}

void Builder::open(const YAML::Mark& mark, Node::Type type, YAML::anchor_t anchor, bool flow) {
  require_value(mark);
  spend(mark, 1);
  if (frames_.size() >= kHighestTree) {
    fail(mark, "values are nested more than " + std::to_string(kHighestTree) + " deep", "flatten them");
  }
  Frame frame;
  frame.node.type = type;
  frame.node.origin = origin(mark);
  frame.mark = mark;
  frame.anchor = anchor;
  frame.flow = flow;
  frames_.push_back(std::move(frame));
}

void Builder::close() {
  Frame frame = std::move(frames_.back());
  frames_.pop_back();
  if (frame.anchor != 0) spend(frame.mark, weight(frame.node));
  add(std::move(frame.node), frame.anchor);
}

void Builder::add(Node value, YAML::anchor_t anchor) {
  if (anchor != 0) anchors_[anchor] = value;
  if (frames_.empty()) {
    root = std::move(value);
    return;
  }
  Frame& frame = frames_.back();
  if (frame.node.type == Node::Type::List) {
    frame.node.items.push_back(std::move(value));
    return;
  }
  frame.pending->value = std::move(value);
  if (!frame.duplicate) frame.node.entries.push_back(std::move(*frame.pending));
  frame.pending.reset();
}

/// The problem behind an exception of yaml-cpp.
Problem parse_problem(const YamlSource& source, const Builder& builder, const YAML::Exception& error) {
  const bool unclosed = error.msg.find("flow not found") != std::string::npos;
  const YAML::Mark* bracket = unclosed ? builder.open_bracket() : nullptr;
  if (bracket == nullptr) return source.explain(error.mark.line, error.mark.column, error.msg);
  Problem problem = source.explain(bracket->line, bracket->column, error.msg);
  if (source.rest_of_line(bracket->line, bracket->column).find("${") != std::string_view::npos) {
    problem.message = "a reference inside brackets is not quoted";
    problem.hint = "write \"${key}\" with quotes";
  }
  return problem;
}

}  // namespace

std::optional<Node> build_tree(const YamlSource& source) {
  std::istringstream stream(source.text());
  Builder builder(source);
  try {
    YAML::Parser parser(stream);
    while (parser.HandleNextDocument(builder)) {}
  } catch (const YAML::Exception& error) {
    builder.problems.push_back(parse_problem(source, builder, error));
  }
  if (!builder.problems.empty()) throw UserError(builder.problems);
  return std::move(builder.root);
}

}  // namespace mlrun::config
