#include "apps/mlrun/help.h"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <sstream>

namespace mlrun::apps {
namespace {

constexpr std::size_t kNameWidth = 30, kTextWidth = 70;

/// `text` in lines of at most `kTextWidth` columns, as far as words allow.
std::string wrapped(const std::string& text) {
  std::istringstream words(text);
  std::string lines;
  std::size_t used = 0;
  for (std::string word; words >> word;) {
    const bool first = lines.empty();
    const bool fits = used + 1 + word.size() <= kTextWidth;
    if (!first) lines += fits ? ' ' : '\n';
    lines += word;
    used = first || !fits ? word.size() : used + 1 + word.size();
  }
  return lines;
}

/// A name and what it is, in two columns.
std::string row(const std::string& name, const std::string& text) {
  const std::string margin = "\n" + std::string(kNameWidth, ' ');
  std::string line = "  " + name;
  if (line.size() >= kNameWidth) line += margin;
  else line.resize(kNameWidth, ' ');
  for (const char letter : wrapped(text)) line += letter == '\n' ? margin : std::string(1, letter);
  return line + "\n";
}

/// The parser's own words for types say nothing; what follows a colon is its word for a check.
std::string type_of(const CLI::Option& option) {
  const std::string type = option.get_type_name();
  const std::string word = type.substr(0, type.find(':'));
  for (const char* nothing : {"TEXT", "INT", "UINT", "FLOAT", "BOOLEAN"}) {
    if (word == nothing) return "";
  }
  return word;
}

bool is_flag(const CLI::Option& option) { return option.get_type_name().empty(); }

bool takes_many(const CLI::Option& option) {
  return option.get_expected_max() >= CLI::detail::expected_max_vector_size;
}

class HelpFormatter : public CLI::Formatter {
 public:
  std::string make_subcommand(const CLI::App* command) const override {
    return row(command->get_name(), command->get_description());
  }

  std::string make_option(const CLI::Option* option, bool positional) const override {
    return row(make_option_name(option, positional) + make_option_opts(option), make_option_desc(option));
  }

  std::string make_option_name(const CLI::Option* option, bool positional) const override {
    if (positional) return option->get_name(true, false);
    std::string names;
    for (const auto& name : option->get_snames()) names += (names.empty() ? "-" : ", -") + name;
    for (const auto& name : option->get_lnames()) names += (names.empty() ? "--" : ", --") + name;
    return names;
  }

  std::string make_option_opts(const CLI::Option* option) const override {
    const std::string type = type_of(*option);
    if (option->get_positional()) {
      const std::string many = takes_many(*option) ? "..." : "";
      return (type.empty() ? "" : " " + type) + many;
    }
    if (is_flag(*option)) return "";
    return " " + (type.empty() ? std::string("VALUE") : type);
  }

  std::string make_option_desc(const CLI::Option* option) const override {
    std::string text = option->get_description();
    const std::string value = is_flag(*option) ? "" : option->get_default_str();
    if (!value.empty() && text.find("(default") == std::string::npos) text += " (default: " + value + ")";
    return text;
  }
};

}  // namespace

std::shared_ptr<CLI::FormatterBase> help_formatter() { return std::make_shared<HelpFormatter>(); }

std::vector<std::string> with_help(std::vector<std::string> arguments) {
  const std::string help = "--help";
  if (arguments.size() == 1) arguments.push_back(help);
  if (arguments.size() < 2 || arguments[1] != "help") return arguments;
  arguments.erase(arguments.begin() + 1);
  if (std::find(arguments.begin(), arguments.end(), help) == arguments.end()) arguments.push_back(help);
  return arguments;
}

}  // namespace mlrun::apps
