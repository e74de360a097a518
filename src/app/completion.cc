#include <CLI/CLI.hpp>

#include "app/cli_tree.h"
#include "app/commands.h"

// Completion scripts: for every command path, the words that may follow it.
namespace tocsin {
namespace {

struct Path {
  std::string words;  // "topic dump"; empty for the root
  const CLI::App* command;
};

void CollectPaths(const CLI::App& command, const std::string& words, std::vector<Path>& paths) {
  paths.push_back({words, &command});
  for (const CLI::App* child : CommandsOf(command)) {
    CollectPaths(*child, words.empty() ? child->get_name() : words + " " + child->get_name(),
                 paths);
  }
}

std::string WordsAfter(const CLI::App& command) {
  std::string words;
  for (const CLI::App* child : CommandsOf(command)) words += child->get_name() + " ";
  for (const std::string& flag : FlagsOf(command)) words += flag + " ";
  if (!words.empty()) words.pop_back();
  return words;
}

// Cases of the shell's `case` statement, shared by bash and zsh.
std::string Cases(const std::vector<Path>& paths) {
  std::string cases;
  for (const Path& path : paths) {
    cases += "    \"" + path.words + "\") words=\"" + WordsAfter(*path.command) + "\" ;;\n";
  }
  return cases;
}

std::string Families(const CLI::App& root) {
  std::string families;
  for (const CLI::App* command : CommandsOf(root)) {
    if (CommandsOf(*command).empty()) continue;
    families += (families.empty() ? "" : "|") + command->get_name();
  }
  return families;
}

std::string BashScript(const CLI::App& root, const std::vector<Path>& paths) {
  return "# bash completion for tocsin:  source <(tocsin completion bash)\n"
         "_tocsin() {\n"
         "  local current=${COMP_WORDS[COMP_CWORD]} path=\"\" words=\"\" limit=1\n"
         "  case ${COMP_WORDS[1]} in\n    " +
         Families(root) +
         ") limit=2 ;;\n  esac\n"
         "  local i\n"
         "  for ((i = 1; i < COMP_CWORD && i <= limit; ++i)); do\n"
         "    [[ ${COMP_WORDS[i]} == -* ]] && break\n"
         "    path+=\"${path:+ }${COMP_WORDS[i]}\"\n"
         "  done\n"
         "  case $path in\n" +
         Cases(paths) +
         "  esac\n"
         "  if [[ -n $words && ( $current == -* || $path == \"\" || $COMP_CWORD -le $limit ) ]]; "
         "then\n"
         "    COMPREPLY=($(compgen -W \"$words\" -- \"$current\"))\n"
         "  else\n"
         "    COMPREPLY=($(compgen -f -- \"$current\"))\n"
         "  fi\n"
         "}\n"
         "complete -o filenames -F _tocsin tocsin\n";
}

std::string ZshScript(const CLI::App& root, const std::vector<Path>& paths) {
  return "#compdef tocsin\n"
         "# zsh completion for tocsin:  source <(tocsin completion zsh)\n"
         "_tocsin() {\n"
         "  local current_path=\"\" all=\"\" limit=1 i\n"
         "  case ${words[2]} in\n    " +
         Families(root) +
         ") limit=2 ;;\n  esac\n"
         "  for ((i = 2; i < CURRENT && i <= limit + 1; ++i)); do\n"
         "    [[ ${words[i]} == -* ]] && break\n"
         "    current_path+=\"${current_path:+ }${words[i]}\"\n"
         "  done\n"
         "  local typed=${words[CURRENT]} position=$CURRENT\n"
         "  local words=\"\"\n"
         "  case $current_path in\n" +
         Cases(paths) +
         "  esac\n"
         "  if [[ -n $words && ( $typed == -* || $position -le $((limit + 1)) ) ]]; then\n"
         "    compadd -- ${=words}\n"
         "  else\n"
         "    _files\n"
         "  fi\n"
         "}\n"
         "compdef _tocsin tocsin\n";
}

std::string FishQuoted(std::string text) {
  for (std::size_t at = 0; (at = text.find_first_of("\\'", at)) != std::string::npos; at += 2) {
    text.insert(at, "\\");
  }
  return "'" + text + "'";
}

std::string FishScript(const std::vector<Path>& paths) {
  std::string script = "# fish completion for tocsin:  tocsin completion fish | source\n";
  for (const Path& path : paths) {
    std::string condition = "__fish_use_subcommand";
    if (!path.words.empty()) {
      condition.clear();
      std::string_view left = path.words;
      while (!left.empty()) {
        const std::string_view word = left.substr(0, left.find(' '));
        left.remove_prefix(std::min(left.size(), word.size() + 1));
        condition += (condition.empty() ? "" : "; and ") +
                     std::string("__fish_seen_subcommand_from ") + std::string(word);
      }
    }
    const std::string start = "complete -c tocsin -n " + FishQuoted(condition);
    for (const CLI::App* child : CommandsOf(*path.command)) {
      script += start + " -f -a " + child->get_name() + " -d " +
                FishQuoted(child->get_description()) + "\n";
    }
    for (const CLI::Option* option : path.command->get_options()) {
      for (const std::string& name : option->get_lnames()) {
        script += start + " -l " + name + (option->get_items_expected_max() > 0 ? " -r" : "") +
                  " -d " + FishQuoted(option->get_description()) + "\n";
      }
    }
  }
  return script;
}

}  // namespace

std::string CompletionScript(const CLI::App& root, const std::string& shell) {
  std::vector<Path> paths;
  CollectPaths(root, "", paths);
  if (shell == "zsh") return ZshScript(root, paths);
  if (shell == "fish") return FishScript(paths);
  return BashScript(root, paths);
}

void AddCompletionCommand(CLI::App& root, Invocation& invocation) {
  CLI::App* command = root.add_subcommand("completion", "Completion script for a shell");
  auto shell = std::make_shared<std::string>();
  command->add_option("SHELL", *shell, "bash, zsh or fish")
      ->required()
      ->type_name("")
      ->check(CLI::IsMember({"bash", "zsh", "fish"}));
  command->callback([shell, &root, &invocation] {
    invocation.needs_settings = false;
    invocation.run = [shell, &root](Session& session) -> Result<int> {
      session.out.Write(CompletionScript(root, *shell));
      return 0;
    };
  });
}

}  // namespace tocsin
