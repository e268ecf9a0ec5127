#include "command_error.hpp"
#include "command_tree.hpp"
#include "commands.hpp"

#include <string_view>

namespace troupe::detail {

namespace {

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const auto& word : words) text += (text.empty() ? "" : " ") + word;
  return text;
}

// A text between single quotes, which all three shells know; fish alone has escapes in there.
std::string quoted(std::string_view text, bool for_fish = false) {
  std::string result = "'";
  for (const char letter : text) {
    if (letter == '\'') result += for_fish ? "\\'" : "'\\''";
    else if (letter == '\\' && for_fish) result += "\\\\";
    else result += letter;
  }
  return result + "'";
}

// A name that a shell function may have.
std::string function_name(const std::string& program) {
  std::string name = "_";
  for (const char letter : program) {
    const auto fine = (letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z')
                      || (letter >= '0' && letter <= '9');
    name += fine ? letter : '_';
  }
  return name;
}

std::vector<std::string> names_of_options(const command_tree& tree) {
  std::vector<std::string> names;
  for (const auto& option : tree.options) {
    names.insert(names.end(), option.names.begin(), option.names.end());
  }
  return names;
}

std::vector<std::string> names_of_commands(const command_tree& tree) {
  std::vector<std::string> names;
  for (const auto& command : tree.commands) names.push_back(command.name);
  return names;
}

std::string either(const std::vector<std::string>& words) {
  std::string text;
  for (const auto& word : words) text += (text.empty() ? "" : "|") + word;
  return text;
}

std::string bash_values(const option_description& about, const std::string& word) {
  if (!about.choices.empty()) {
    return "COMPREPLY=($(compgen -W " + quoted(joined(about.choices)) + " -- " + word + "))";
  }
  return about.takes_files ? "COMPREPLY=($(compgen -f -- " + word + "))" : "COMPREPLY=()";
}

std::string bash_case(const command_tree& command) {
  std::string text = "    " + command.name + ")\n      case \"$previous\" in\n";
  for (const auto& option : command.options) {
    if (!option.takes_value) continue;
    text += "        " + either(option.names) + ") " + bash_values(option, "\"$current\"")
            + "; return ;;\n";
  }
  text += "      esac\n      if [[ $current == -* ]]; then\n        COMPREPLY=($(compgen -W "
          + quoted(joined(names_of_options(command))) + " -- \"$current\"))\n";
  if (!command.words.empty()) {
    text += "      else\n        " + bash_values(command.words.front(), "\"$current\"") + '\n';
  }
  return text + "      fi\n      ;;\n";
}

std::string bash_script(const command_tree& tree) {
  const auto function = function_name(tree.name);
  auto text = "# bash completion of " + tree.name + "\n" + function + "() {\n"
              + "  local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]}\n"
              + "  local command='' at\n  COMPREPLY=()\n"
              + "  for ((at = 1; at < COMP_CWORD; at++)); do\n"
              + "    case ${COMP_WORDS[at]} in\n      " + either(names_of_commands(tree))
              + ") command=${COMP_WORDS[at]}; break ;;\n    esac\n  done\n  case $command in\n";
  for (const auto& command : tree.commands) text += bash_case(command);
  text += "    *)\n      COMPREPLY=($(compgen -W "
          + quoted(joined(names_of_commands(tree)) + ' ' + joined(names_of_options(tree)))
          + " -- \"$current\"))\n      ;;\n  esac\n}\n";
  return text + "complete -o filenames -o bashdefault -F " + function + ' ' + tree.name + '\n';
}

// In the specifications of `_arguments`, colons and brackets have a meaning.
std::string zsh_text(const std::string& text) {
  std::string result;
  for (const char letter : text) {
    if (letter == ':' || letter == '[' || letter == ']' || letter == '\\') result += '\\';
    result += letter;
  }
  return result;
}

std::string zsh_action(const option_description& about) {
  if (!about.choices.empty()) return ":value:(" + joined(about.choices) + ")";
  if (about.takes_files) return ":file:_files";
  return about.takes_value ? ":value: " : "";
}

std::string zsh_arguments(const command_tree& command) {
  std::string text = "_arguments -s";
  for (const auto& option : command.options) {
    for (const auto& name : option.names) {
      text += " \\\n        "
              + quoted("*" + name + "[" + zsh_text(option.summary) + "]" + zsh_action(option));
    }
  }
  for (const auto& word : command.words) {
    text += " \\\n        " + quoted("*:" + zsh_action(word).substr(1));
  }
  return text;
}

std::string zsh_script(const command_tree& tree) {
  const auto function = function_name(tree.name);
  auto text = "#compdef " + tree.name + "\n" + function + "() {\n" + "  local -a commands=(\n";
  for (const auto& command : tree.commands) {
    text += "    " + quoted(command.name + ":" + zsh_text(command.summary)) + '\n';
  }
  text += "  )\n  if (( CURRENT == 2 )); then\n    _describe command commands\n    "
          + zsh_arguments({tree.name, "", tree.options, {}, {}})
          + "\n    return\n  fi\n  local command=$words[2]\n  shift words\n  (( CURRENT-- ))\n"
          + "  case $command in\n";
  for (const auto& command : tree.commands) {
    text += "    " + command.name + ")\n      " + zsh_arguments(command) + "\n      ;;\n";
  }
  text += "  esac\n}\n";
  return text + "if [[ $funcstack[1] == " + function + " ]]; then\n  " + function
         + " \"$@\"\nelse\n  compdef " + function + ' ' + tree.name + "\nfi\n";
}

std::string fish_values(const option_description& about) {
  if (!about.choices.empty()) return " -x -a " + quoted(joined(about.choices), true);
  if (about.takes_files) return " -r -F";
  return about.takes_value ? " -x" : "";
}

std::string fish_option(const option_description& option) {
  std::string text;
  for (const auto& name : option.names) {
    if (name.starts_with("--")) text += " -l " + name.substr(2);
    else text += " -s " + name.substr(1);
  }
  return text + fish_values(option) + " -d " + quoted(option.summary, true);
}

std::string fish_script(const command_tree& tree) {
  const auto start = "complete -c " + tree.name;
  const auto names = joined(names_of_commands(tree));
  auto text = "# fish completion of " + tree.name + "\n" + start + " -f\n";
  const auto none = " -n 'not __fish_seen_subcommand_from " + names + "'";
  for (const auto& option : tree.options) text += start + none + fish_option(option) + '\n';
  for (const auto& command : tree.commands) {
    text += start + none + " -a " + command.name + " -d " + quoted(command.summary, true) + '\n';
    const auto there = " -n '__fish_seen_subcommand_from " + command.name + "'";
    for (const auto& option : command.options) text += start + there + fish_option(option) + '\n';
    for (const auto& word : command.words) {
      if (!word.choices.empty()) {
        text += start + there + " -a " + quoted(joined(word.choices), true) + '\n';
      } else if (word.takes_files) {
        text += start + there + " -F\n";
      }
    }
  }
  return text;
}

} // namespace

std::string completion_script(const std::string& shell, const command_tree& tree) {
  if (shell == "bash") return bash_script(tree);
  if (shell == "zsh") return zsh_script(tree);
  if (shell == "fish") return fish_script(tree);
  return {};
}

int completion_command(console& speaker, const std::string& shell, const command_tree& tree) {
  speaker.out.write(completion_script(shell, tree));
  return speaker.out.good() ? exit_done : exit_run_failed;
}

} // namespace troupe::detail
