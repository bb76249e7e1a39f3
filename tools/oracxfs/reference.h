#pragma once
// The command line as data, taken from the one command table: what man pages and shell completions are made of.

#include <CLI/App.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace oracxfs {

struct OptionReference {
    std::vector<std::string> names;    // "-c", "--config"; of a positional its one name: "PATH"
    std::string value;                 // "FILE"; "" of a flag
    std::vector<std::string> choices;  // what the value may be, where that is a list
    std::string text;
    bool positional = false;
    bool required = false;
};

struct CommandReference {
    std::string path;     // "providers list"; "" of oracxfs itself
    std::string group;    // heading; "" = not shown
    std::string summary;
    std::vector<OptionReference> options;
    std::vector<CommandReference> commands;
};

// In the language that is spoken.
CommandReference reference_of(const CLI::App& root);

// What else a value can be completed with: asked of the program when somebody presses Tab.
enum class Names : std::uint8_t { none, files, folders, providers, backups, settings };
Names names_for(const CommandReference& command, const OptionReference& option);
// "providers", "backups", "settings": what `oracxfs internal names` takes.
std::string_view to_string(Names names);

std::string bash_completion(const CommandReference& root);
std::string zsh_completion(const CommandReference& root);
std::string fish_completion(const CommandReference& root);

struct ManPage {
    std::string file;  // "oracxfs-status.1"
    std::string text;
};
// One page for the program and one for each command.
std::vector<ManPage> man_pages(const CommandReference& root, std::string_view version);

}  // namespace oracxfs
