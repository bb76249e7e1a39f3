// Manual pages in roff, made from the command table.

#include <fmt/format.h>

#include "base/translate.h"
#include "tools/oracxfs/help_topics.h"
#include "tools/oracxfs/reference.h"

namespace oracxfs {
namespace {

// Text that roff takes as it is.
std::string roff(std::string_view text) {
    std::string out;
    bool line_begins = true;
    for (const char c : text) {
        if (line_begins && (c == '.' || c == '\'')) out += "\\&";
        if (c == '\\') out += "\\e";
        else if (c == '-') out += "\\-";
        else if (c == '`') out += "\\(ga";
        else out += c;
        line_begins = c == '\n';
    }
    return out;
}

std::string bold(std::string_view text) { return "\\fB" + roff(text) + "\\fR"; }
std::string italic(std::string_view text) { return "\\fI" + roff(text) + "\\fR"; }

// Text in `code` bold.
std::string paragraph(std::string_view text) {
    std::string out;
    for (bool code = false; !text.empty(); code = !code) {
        const std::size_t end = std::min(text.find('`'), text.size());
        out += code ? bold(text.substr(0, end)) : roff(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return out;
}

std::string heading(const std::string& text) { return ".SH " + roff(text) + "\n"; }

std::string upper(const std::string& text) {
    std::string out;
    for (const char c : text) out += c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    return out;
}

std::string title(const std::string& name, std::string_view version) {
    return ".\\\" " + tr("Made from the command table of oracxfs; changes here are lost.") + "\n.TH \"" + upper(roff(name)) + "\" 1 \"\" \"oracxfs " + std::string(version) + "\" \"" + roff(tr("oracxfs manual")) + "\"\n.nh\n.ad l\n";
}

std::string term(const OptionReference& option) {
    std::string text;
    if (option.positional) return italic(option.names.front());
    for (const std::string& name : option.names) text += (text.empty() ? "" : ", ") + bold(name);
    if (!option.value.empty()) text += (option.names.back().starts_with("--") ? "=" : " ") + italic(option.value);
    return text;
}

std::string options_of(const CommandReference& command) {
    std::string text;
    for (const bool positional : {true, false})
        for (const OptionReference& option : command.options) {
            if (option.positional != positional) continue;
            text += ".TP\n" + term(option) + "\n" + paragraph(option.text);
            if (!option.choices.empty()) {
                std::string list;
                for (const std::string& choice : option.choices) list += (list.empty() ? "" : ", ") + bold(choice);
                text += "\n(" + list + ")";
            }
            text += "\n";
        }
    return text;
}

std::string synopsis(const CommandReference& command) {
    std::string text = bold(command.path.empty() ? "oracxfs" : "oracxfs " + command.path);
    bool optional = false;
    for (const OptionReference& option : command.options)
        if (!option.positional && option.required) text += " " + term(option);
        else if (!option.positional) optional = true;
    if (optional) text += " [" + italic(tr("OPTIONS")) + "]";
    for (const OptionReference& option : command.options)
        if (option.positional) text += option.required ? " " + term(option) : " [" + term(option) + "]";
    if (!command.commands.empty()) text += " " + italic(tr("SUBCOMMAND"));
    return text + "\n";
}

std::string page_name(const CommandReference& command) {
    std::string name = "oracxfs";
    for (const char c : command.path.empty() ? command.path : "-" + command.path) name += c == ' ' ? '-' : c;
    return name;
}

// A text that is laid out already.
std::string verbatim(const std::string& text) { return ".nf\n" + roff(text) + (text.ends_with('\n') ? "" : "\n") + ".fi\n"; }

std::string see_also(const std::string& list) { return heading(tr("SEE ALSO")) + list + "\n"; }

ManPage command_page(const CommandReference& command, std::string_view version) {
    const std::string name = page_name(command);
    std::string text = title(name, version) + heading(tr("NAME")) + roff(name) + " \\- " + roff(command.summary) + "\n" + heading(tr("SYNOPSIS"));
    if (command.commands.empty()) text += synopsis(command);
    for (const CommandReference& sub : command.commands) text += (&sub == &command.commands.front() ? "" : ".br\n") + synopsis(sub);
    text += heading(tr("DESCRIPTION")) + paragraph(command.summary) + ".\n";
    // A command that works alone and has subcommands all the same, as `dropbox` and `dropbox connect`.
    if (!command.options.empty()) text += heading(tr("OPTIONS")) + options_of(command);
    if (!command.commands.empty()) text += heading(tr("SUBCOMMANDS"));
    for (const CommandReference& sub : command.commands) text += ".SS " + roff(sub.path) + "\n" + paragraph(sub.summary) + ".\n" + options_of(sub);
    text += see_also(bold("oracxfs") + "(1)" + tr(", where the options that all commands understand, the exit codes and the environment are explained"));
    return {name + ".1", text};
}

ManPage main_page(const CommandReference& root, std::string_view version) {
    std::string text = title("oracxfs", version) + heading(tr("NAME")) + "oracxfs \\- " + roff(root.summary) + "\n";
    text += heading(tr("SYNOPSIS")) + bold("oracxfs") + " [" + italic(tr("OPTIONS")) + "] " + italic(tr("COMMAND")) + " [...]\n";
    text += heading(tr("DESCRIPTION"));
    text += paragraph(tr("oracxfs keeps every file that is copied into one folder at several providers at once: folders on disks, SFTP and FTP accounts, Dropbox, Google Drive. "
                         "Every copy is a plain file in a plain folder and is compared with what was written. It also makes backup packages by a schedule and keeps them in the same way.")) + "\n.PP\n";
    text += paragraph(tr("Called without a command at a terminal, it shows a menu.")) + "\n";
    text += heading(tr("COMMANDS"));
    std::string group, pages;
    for (const CommandReference& command : root.commands) {
        if (command.group != group) text += ".SS " + roff(command.group) + "\n";
        group = command.group;
        text += ".TP\n" + bold(command.path) + "\n" + paragraph(command.summary) + "\n";
        pages += (pages.empty() ? "" : ",\n") + bold(page_name(command)) + "(1)";
    }
    text += heading(tr("OPTIONS")) + options_of(root);
    text += heading(tr("EXIT STATUS")) + verbatim(help_topic("exit-codes"));
    text += heading(tr("ENVIRONMENT")) + verbatim(help_topic("environment"));
    text += heading(tr("SECURITY")) + verbatim(help_topic("security"));
    text += heading(tr("RESTORE WITHOUT ORACXFS")) + verbatim(help_topic("restore"));
    text += heading(tr("FILES"));
    const auto file = [&](std::string_view name, const std::string& what) { text += ".TP\n" + italic(name) + "\n" + paragraph(what) + "\n"; };
    file("~/.config/oracxfs/cloud_config.json", tr("The configuration, without secrets; `oracxfs config path` says where it is"));
    file("~/.local/state/oracxfs/", tr("Catalogue, encrypted secrets, and what is not yet safe at the providers"));
    file("~/.cache/oracxfs/", tr("What was read lately; may be deleted while nothing is mounted"));
    text += see_also(pages);
    return {"oracxfs.1", text};
}

}  // namespace

std::vector<ManPage> man_pages(const CommandReference& root, std::string_view version) {
    std::vector<ManPage> pages = {main_page(root, version)};
    for (const CommandReference& command : root.commands) pages.push_back(command_page(command, version));
    return pages;
}

}  // namespace oracxfs
