// Scripts that complete command lines, for three shells. They hold all words of the command line, and ask the program
// only for names that are the user's: providers, backups, settings.

#include <fmt/format.h>

#include <functional>

#include "tools/oracxfs/reference.h"

namespace oracxfs {
namespace {

void for_each_command(const CommandReference& command, const std::function<void(const CommandReference&)>& work) {
    work(command);
    for (const CommandReference& sub : command.commands) for_each_command(sub, work);
}

std::string last_word(const std::string& path) { return path.substr(path.rfind(' ') + 1); }

// For a text in single quotes; what stands in it means nothing to the shell.
std::string in_quotes(std::string_view text) {
    std::string out = "'";
    for (const char c : text)
        if (c == '\'') out += "'\\''";
        else out += c == '\n' ? ' ' : c;
    return out + "'";
}

std::string joined(const std::vector<std::string>& words) {
    std::string text;
    for (const std::string& word : words) text += (text.empty() ? "" : " ") + word;
    return text;
}

// --- bash ----------------------------------------------------------------------------------------------------------------

// What a value is completed with: words that _oracxfs_offer understands.
std::string bash_source(const CommandReference& command, const OptionReference& option) {
    if (!option.choices.empty()) return "words " + joined(option.choices);
    const Names names = names_for(command, option);
    return names == Names::none ? "none" : std::string(to_string(names));
}

constexpr std::string_view kBashHead = R"bash(# Completion of oracxfs for bash. Made by `oracxfs completions bash`.

_oracxfs_offer() {
    local IFS=$' \n' kind=${1%% *}
    [ "$kind" = words ] && COMPREPLY=($(compgen -W "${1#words }" -- "$cur"))
    IFS=$'\n'
    case $kind in
        files) compopt -o filenames 2>/dev/null; COMPREPLY=($(compgen -f -- "$cur")) ;;
        folders) compopt -o filenames 2>/dev/null; COMPREPLY=($(compgen -d -- "$cur")) ;;
        providers | backups | settings) COMPREPLY=($(compgen -W "$("${COMP_WORDS[0]}" internal names "$kind" 2>/dev/null)" -- "$cur")) ;;
    esac
}

_oracxfs() {
    local cur=${COMP_WORDS[COMP_CWORD]} prev="" path="" word i positional=0 IFS=$' \t\n'
    COMPREPLY=()
    [ "$COMP_CWORD" -gt 0 ] && prev=${COMP_WORDS[COMP_CWORD - 1]}
    # "--option=value" comes as three words.
    if [ "$cur" = "=" ]; then cur=""
    elif [ "$prev" = "=" ] && [ "$COMP_CWORD" -gt 1 ]; then prev=${COMP_WORDS[COMP_CWORD - 2]}
    fi
    for ((i = 1; i < COMP_CWORD; i++)); do
        word=${COMP_WORDS[i]}
        case $word in
            -* | =) continue ;;
        esac
        [ "${COMP_WORDS[i - 1]}" = "=" ] && continue
        if _oracxfs_takes_value "$path" "${COMP_WORDS[i - 1]}"; then continue; fi
        if _oracxfs_is_command "${path:+$path }$word"; then path=${path:+$path }$word; else positional=$((positional + 1)); fi
    done
    local source
    if source=$(_oracxfs_value "$path" "$prev"); then
        _oracxfs_offer "$source"
        return
    fi
    case $cur in
        -*) COMPREPLY=($(compgen -W "$(_oracxfs_options "$path")" -- "$cur")) ;;
        *) _oracxfs_offer "$(_oracxfs_words "$path" "$positional")" ;;
    esac
}
)bash";

std::string bash_values(const CommandReference& root, const CommandReference& command, bool globals) {
    std::string text;
    for (const OptionReference& option : command.options) {
        if (option.positional || option.value.empty()) continue;
        for (const std::string& name : option.names) text += fmt::format("        {}) echo {} ;;\n", in_quotes((globals ? "" : command.path) + ":" + name), in_quotes(bash_source(command, option)));
    }
    if (!globals) return text;
    // Global options are understood behind every command.
    text.clear();
    for (const OptionReference& option : root.options) {
        if (option.positional || option.value.empty()) continue;
        for (const std::string& name : option.names) text += fmt::format("        *{}) echo {} ;;\n", in_quotes(":" + name), in_quotes(bash_source(root, option)));
    }
    return text;
}

std::vector<std::string> option_names(const CommandReference& command) {
    std::vector<std::string> names;
    for (const OptionReference& option : command.options)
        if (!option.positional) names.insert(names.end(), option.names.begin(), option.names.end());
    return names;
}

}  // namespace

std::string bash_completion(const CommandReference& root) {
    std::string commands, values, options, words;
    for_each_command(root, [&](const CommandReference& command) {
        if (!command.path.empty()) {
            commands += (commands.empty() ? "" : " | ") + in_quotes(command.path);
            values += bash_values(root, command, false);
        }
        options += fmt::format("        {}) echo {} ;;\n", in_quotes(command.path), in_quotes(joined(option_names(command)) + (command.path.empty() ? "" : " " + joined(option_names(root)))));
        std::string subcommands;
        for (const CommandReference& sub : command.commands) subcommands += " " + last_word(sub.path);
        if (!subcommands.empty()) words += fmt::format("        {}) echo {} ;;\n", in_quotes(command.path + ":0"), in_quotes("words" + subcommands));
        int number = 0;
        for (const OptionReference& option : command.options)
            if (option.positional && subcommands.empty()) words += fmt::format("        {}) echo {} ;;\n", in_quotes(command.path + ":" + std::to_string(number++)), in_quotes(bash_source(command, option)));
    });
    values += bash_values(root, root, true);
    std::string text(kBashHead);
    text += "\n_oracxfs_is_command() {\n    case $1 in\n        " + commands + ") return 0 ;;\n    esac\n    return 1\n}\n";
    text += "\n# The value of an option: what it is completed with.\n_oracxfs_value() {\n    case $1:$2 in\n" + values + "        *) return 1 ;;\n    esac\n}\n";
    text += "\n_oracxfs_takes_value() { _oracxfs_value \"$1\" \"$2\" >/dev/null; }\n";
    text += "\n_oracxfs_options() {\n    case $1 in\n" + options + "    esac\n}\n";
    text += "\n_oracxfs_words() {\n    case $1:$2 in\n" + words + "    esac\n}\n";
    return text + "\ncomplete -F _oracxfs oracxfs\n";
}

// --- zsh -----------------------------------------------------------------------------------------------------------------

namespace {

// Inside of an _arguments specification these mean something.
std::string zsh_text(std::string_view text) {
    std::string out;
    for (const char c : text) {
        if (c == '[' || c == ']' || c == ':' || c == '\\') out += '\\';
        out += c;
    }
    return out;
}

std::string zsh_action(const CommandReference& command, const OptionReference& option) {
    if (!option.choices.empty()) return "(" + joined(option.choices) + ")";
    switch (const Names names = names_for(command, option)) {
        case Names::files: return "_files";
        case Names::folders: return "_files -/";
        case Names::none: return " ";
        default: return fmt::format("_oracxfs_names {}", to_string(names));
    }
}

std::string zsh_options(const CommandReference& command, const CommandReference& of, bool positionals) {
    std::string text;
    int number = 1;
    for (const OptionReference& option : of.options) {
        if (option.positional) {
            if (positionals) text += " \\\n        " + in_quotes(fmt::format("{}:{}:{}", number++, zsh_text(option.names.front()), zsh_action(command, option)));
            continue;
        }
        for (const std::string& name : option.names) {
            std::string spec = name + (option.value.empty() ? "" : name.starts_with("--") ? "=" : "+") + "[" + zsh_text(option.text) + "]";
            if (!option.value.empty()) spec += ":" + zsh_text(option.value) + ":" + zsh_action(command, option);
            text += " \\\n        " + in_quotes(spec);
        }
    }
    return text;
}

std::string zsh_function(const std::string& path) {
    std::string name = "_oracxfs";
    for (const char c : path.empty() ? path : " " + path) name += c == ' ' || c == '-' ? '_' : c;
    return name;
}

}  // namespace

std::string zsh_completion(const CommandReference& root) {
    std::string text = "#compdef oracxfs\n# Completion of oracxfs for zsh. Made by `oracxfs completions zsh`.\n\n"
                       "_oracxfs_names() {\n    local -a names\n    names=(${(f)\"$(oracxfs internal names $1 2>/dev/null)\"})\n    compadd -a names\n}\n";
    for_each_command(root, [&](const CommandReference& command) {
        text += "\n" + zsh_function(command.path) + (command.path.empty() ? "_main" : "") + "() {\n    local context state state_descr line\n    typeset -A opt_args\n    _arguments -C -s" +
                zsh_options(command, command, command.commands.empty()) + (command.path.empty() ? "" : zsh_options(root, root, false));
        if (command.commands.empty()) {
            text += "\n}\n";
            return;
        }
        text += " \\\n        '1: :->command' \\\n        '*:: :->arguments'\n    case $state in\n        command)\n            local -a commands\n            commands=(\n";
        for (const CommandReference& sub : command.commands) text += "                " + in_quotes(last_word(sub.path) + ":" + sub.summary) + "\n";
        text += "            )\n            _describe command commands\n            ;;\n        arguments)\n            case $line[1] in\n";
        for (const CommandReference& sub : command.commands) text += fmt::format("                {}) {} ;;\n", last_word(sub.path), zsh_function(sub.path));
        text += "            esac\n            ;;\n    esac\n}\n";
    });
    return text + "\n_oracxfs_main \"$@\"\n";
}

// --- fish ----------------------------------------------------------------------------------------------------------------

namespace {

std::string fish_quoted(std::string_view text) {
    std::string out = "'";
    for (const char c : text) {
        if (c == '\'' || c == '\\') out += '\\';
        out += c == '\n' ? ' ' : c;
    }
    return out + "'";
}

// What a value is completed with; "" = nothing is known.
std::string fish_source(const CommandReference& command, const OptionReference& option) {
    if (!option.choices.empty()) return " -a " + fish_quoted(joined(option.choices));
    switch (const Names names = names_for(command, option)) {
        case Names::files: return " -F";
        case Names::folders: return " -a '(__fish_complete_directories)'";
        case Names::none: return "";
        default: return fmt::format(" -a '(oracxfs internal names {} 2>/dev/null)'", to_string(names));
    }
}

std::string fish_condition(const CommandReference& command) {
    return command.path.empty() ? std::string() : " -n " + fish_quoted("__oracxfs_at " + command.path);
}

}  // namespace

std::string fish_completion(const CommandReference& root) {
    std::string text = R"(# Completion of oracxfs for fish. Made by `oracxfs completions fish`.

# True when the words that are no options begin with these.
function __oracxfs_at
    set -l words (commandline -opc | string match -v -- '-*')
    set -e words[1]
    for i in (seq (count $argv))
        test "$words[$i]" = "$argv[$i]"; or return 1
    end
end
# True when these are all the words.
function __oracxfs_only
    set -l words (commandline -opc | string match -v -- '-*')
    test (count $words) -eq (math (count $argv) + 1); and __oracxfs_at $argv
end

complete -c oracxfs -f
)";
    for_each_command(root, [&](const CommandReference& command) {
        for (const CommandReference& sub : command.commands)
            text += fmt::format("complete -c oracxfs -n {} -a {} -d {}\n", fish_quoted("__oracxfs_only" + (command.path.empty() ? "" : " " + command.path)), last_word(sub.path), fish_quoted(sub.summary));
        for (const OptionReference& option : command.options) {
            if (option.positional) {
                if (const std::string source = fish_source(command, option); command.commands.empty() && !source.empty()) text += "complete -c oracxfs" + fish_condition(command) + source + "\n";
                continue;
            }
            std::string names;
            const std::string source = fish_source(command, option);
            for (const std::string& name : option.names) names += name.starts_with("--") ? " -l " + name.substr(2) : " -s " + name.substr(1);
            text += "complete -c oracxfs" + fish_condition(command) + names + (option.value.empty() ? "" : source == " -F" ? " -r -F" : " -x" + source) + " -d " + fish_quoted(option.text) + "\n";
        }
    });
    return text;
}

}  // namespace oracxfs
