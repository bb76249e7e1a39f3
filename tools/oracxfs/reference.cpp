#include "tools/oracxfs/reference.h"

#include <algorithm>

namespace oracxfs {
namespace {

// "WHEN:{auto,always,never}" -> the words in braces.
std::vector<std::string> choices_in(const std::string& type) {
    std::vector<std::string> choices;
    const std::size_t begin = type.find(":{"), end = type.rfind('}');
    if (begin == std::string::npos || end == std::string::npos || end < begin) return choices;
    std::string_view list = std::string_view(type).substr(begin + 2, end - begin - 2);
    while (!list.empty()) {
        const std::size_t comma = std::min(list.find(','), list.size());
        choices.emplace_back(list.substr(0, comma));
        list.remove_prefix(std::min(comma + 1, list.size()));
    }
    return choices;
}

// "WHEN:{auto,always,never}", "N:INT in [0 - 9]" -> the name alone.
std::string value_name(const std::string& type) { return type.substr(0, type.find(':')); }

OptionReference option_of(const CLI::Option& option) {
    OptionReference reference;
    reference.positional = option.get_positional();
    if (reference.positional) {
        reference.names = {option.get_name(true, false)};
    } else {
        for (const std::string& name : option.get_snames()) reference.names.push_back("-" + name);
        for (const std::string& name : option.get_lnames()) reference.names.push_back("--" + name);
    }
    const bool takes_value = reference.positional || option.get_type_size() != 0;
    const std::string type = option.get_type_name();
    if (takes_value) {
        reference.value = reference.positional ? reference.names.front() : value_name(type);
        reference.choices = choices_in(type);
        if (reference.value.empty()) reference.value = "TEXT";
    }
    reference.text = option.get_description();
    reference.required = option.get_required();
    return reference;
}

CommandReference command_of(const CLI::App& app, const std::string& path) {
    CommandReference command;
    command.path = path;
    command.group = app.get_group();
    command.summary = app.get_description();
    for (const CLI::Option* option : app.get_options({}))
        if (!option->get_group().empty()) command.options.push_back(option_of(*option));
    for (const CLI::App* sub : app.get_subcommands({}))
        if (!sub->get_group().empty()) command.commands.push_back(command_of(*sub, path.empty() ? sub->get_name() : path + " " + sub->get_name()));
    return command;
}

bool has_name(const OptionReference& option, std::string_view name) {
    return std::find(option.names.begin(), option.names.end(), name) != option.names.end();
}

}  // namespace

CommandReference reference_of(const CLI::App& root) { return command_of(root, ""); }

Names names_for(const CommandReference& command, const OptionReference& option) {
    if (option.value.empty() || !option.choices.empty()) return Names::none;
    const bool on_provider = command.path.starts_with("providers ") || command.path.ends_with(" connect") || command.path.ends_with(" disconnect");
    if (has_name(option, "--provider") || has_name(option, "PROVIDER") || (has_name(option, "--from") && option.value == "NAME") ||
        (on_provider && (has_name(option, "NAME") || has_name(option, "--name"))))
        return Names::providers;
    if (has_name(option, "BACKUP") || has_name(option, "PACKAGE")) return Names::backups;
    if (command.path.starts_with("config ") && has_name(option, "KEY")) return Names::settings;
    if (option.value == "FILE" || option.value == "PATH" || option.value == "CODE|PATH") return Names::files;
    if (option.value == "DIR") return Names::folders;
    return Names::none;
}

std::string_view to_string(Names names) {
    switch (names) {
        case Names::providers: return "providers";
        case Names::backups: return "backups";
        case Names::settings: return "settings";
        case Names::files: return "files";
        case Names::folders: return "folders";
        case Names::none: break;
    }
    return "";
}

}  // namespace oracxfs
