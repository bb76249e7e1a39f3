#include <fmt/format.h>

#include "base/translate.h"
#include "tools/backup/recovery_kit.h"
#include "tools/control/envelope.h"
#include "tools/oracxfs/output.h"
#include "tools/oracxfs/shown.h"

namespace oracxfs {
namespace {

constexpr const char* kLine = "________________________________________";

// How a sheet looks. What it says comes from one walk over the facts, so that both forms say the same.
class SheetForm {
  public:
    SheetForm() = default;
    SheetForm(const SheetForm&) = delete;
    SheetForm& operator=(const SheetForm&) = delete;
    virtual ~SheetForm() = default;
    virtual void title(const std::string& text) = 0;
    virtual void heading(const std::string& text) = 0;
    virtual void paragraph(const std::string& text) = 0;
    virtual void item(const std::string& text) = 0;
    virtual void detail(const std::string& text) = 0;   // of an item
    virtual void command(const std::string& text) = 0;  // to be typed, or a step that stands among such
};

class PlainSheet : public SheetForm {
  public:
    void title(const std::string& text) override { text_ += text + "\n" + std::string(display_width(text), '=') + "\n\n"; }
    void heading(const std::string& text) override { text_ += "\n" + text + "\n" + std::string(display_width(text), '-') + "\n"; }
    void paragraph(const std::string& text) override { text_ += text + "\n"; }
    void item(const std::string& text) override { text_ += "* " + text + "\n"; }
    void detail(const std::string& text) override { text_ += "    " + text + "\n"; }
    void command(const std::string& text) override { text_ += "      " + text + "\n"; }
    [[nodiscard]] std::string take() { return std::move(text_); }

  private:
    std::string text_;
};

class HtmlSheet : public SheetForm {
  public:
    HtmlSheet() {
        const auto texts = installed_texts();
        html_ = "<!DOCTYPE html>\n<html lang=\"" + (texts ? texts->language() : "en") + "\"><head><meta charset=\"utf-8\"><title>" + escaped(tr("oracxfs recovery kit")) +
                "</title>\n"
                "<style>body{font:11pt/1.4 serif;max-width:45em;margin:2em auto;padding:0 1em}h1{font-size:16pt}h2{font-size:12pt;margin:1.4em 0 .3em}"
                "p{margin:.2em 0}.item{margin-top:.6em}.detail{margin-left:1em}.command{font:9.5pt monospace;margin-left:2em;white-space:pre-wrap;overflow-wrap:anywhere}"
                "@media print{body{margin:0}h2{break-after:avoid}}</style></head><body>\n";
    }
    void title(const std::string& text) override { html_ += "<h1>" + escaped(text) + "</h1>\n"; }
    void heading(const std::string& text) override { html_ += "<h2>" + escaped(text) + "</h2>\n"; }
    void paragraph(const std::string& text) override { html_ += "<p>" + escaped(text) + "</p>\n"; }
    void item(const std::string& text) override { html_ += "<p class=\"item\">" + escaped(text) + "</p>\n"; }
    void detail(const std::string& text) override { html_ += "<p class=\"detail\">" + escaped(text) + "</p>\n"; }
    void command(const std::string& text) override { html_ += "<p class=\"command\">" + escaped(text) + "</p>\n"; }
    [[nodiscard]] std::string take() { return std::move(html_) + "</body></html>\n"; }

  private:
    static std::string escaped(const std::string& text) {
        std::string html;
        for (const char c : text) {
            if (c == '&') html += "&amp;";
            else if (c == '<') html += "&lt;";
            else if (c == '>') html += "&gt;";
            else if (c == '"') html += "&quot;";
            else html += c;
        }
        return html;
    }

    std::string html_;
};

void write_places(const Json& facts, SheetForm& sheet) {
    sheet.heading(tr("1. Where the files are"));
    sheet.paragraph(tr("Every place holds all files of the mount as they are, and the backup packages (ZIP files) beside them. One place is enough."));
    for (const Json& provider : facts["providers"].items()) {
        const std::string place = tr_sentence(provider["place"].as_string()), &name = provider["name"].as_string(), &account = provider["account"].as_string();
        sheet.item(account.empty() ? trf("{}: {}", name, place) : trf("{}: {}, account {}", name, place, account));
        for (const Json& thing : provider["needed"].items()) sheet.detail(trf("needed: {}", tr_sentence(thing.as_string())));
    }
    if (facts["providers"].items().empty()) sheet.paragraph(tr("No place is configured: there is nothing to recover from."));
}

void write_backups(const Json& facts, SheetForm& sheet) {
    sheet.heading(tr("2. The newest backups"));
    for (const Json& backup : facts["backups"].items()) {
        std::string places;
        for (const Json& name : backup["providers"].items()) places += (places.empty() ? "" : ", ") + name.as_string();
        const std::string name = get_bytes(backup, "name"), size = shown_size(backup["size"]);
        sheet.item(places.empty() ? trf("{}, {}, not yet verified at any place", name, size) : trf("{}, {}, verified at: {}", name, size, places));
        sheet.detail("SHA-256 " + backup["sha256"].as_string());
    }
    if (facts["backups"].items().empty()) sheet.paragraph(tr("None so far: `oracxfs sync` makes one."));
}

void write_by_hand(const Json& facts, bool encrypted, SheetForm& sheet) {
    sheet.heading(tr("3. Restoring by hand, without oracxfs"));
    for (const Json& provider : facts["providers"].items()) {
        sheet.item(trf("From {}:", provider["name"].as_string()));
        for (const Json& step : provider["by_hand"].items()) sheet.command(tr(step.as_string()));
    }
    sheet.item(encrypted ? tr("Unpack it. It is encrypted (AES-256): with 7-Zip, and the passphrase below.") : tr("Unpack it:"));
    sheet.command("sha256sum PACKAGE.zip        " + tr("(compare with the sum above)"));
    sheet.command(encrypted ? "7z x PACKAGE.zip -orestored" : "unzip PACKAGE.zip -d restored");
    sheet.paragraph(tr("RESTORE.txt in the package says more; manifest.json lists every file with its SHA-256."));
}

void write_with_oracxfs(const Json& facts, bool encrypted, SheetForm& sheet) {
    sheet.heading(tr("4. Restoring with oracxfs, on a new machine"));
    sheet.item(tr("Install oracxfs. Add one of the places, whichever can be reached:"));
    for (const Json& provider : facts["providers"].items())
        if (!provider["command"].as_string().empty()) sheet.command(provider["command"].as_string());
    sheet.item(tr("Learn what is there, and bring the newest backup back:"));
    if (encrypted) sheet.command("oracxfs secrets set backup/passphrase");
    sheet.command("oracxfs recovery from NAME");
    sheet.command("oracxfs backups restore latest --to DIR");
    sheet.item(tr("Settings of this machine, as a pattern for the new one (no passwords are in them):"));
    sheet.command("oracxfs backups restore latest oracxfs/cloud_config.json --stdout");
}

void write_sheet(const Json& facts, SheetForm& sheet) {
    const bool encrypted = facts["encrypted"].as_bool();
    sheet.title(trf("Recovery kit for {}", facts["machine"].as_string()));
    sheet.paragraph(trf("Made {} by oracxfs {}, installation {}. Keep it where a fire, a thief or a broken disk does not reach it together with the machine. It holds no password.", facts["made"].as_string(),
                        ORACXFS_VERSION, facts["installation"].as_string()));
    write_places(facts, sheet);
    write_backups(facts, sheet);
    write_by_hand(facts, encrypted, sheet);
    write_with_oracxfs(facts, encrypted, sheet);
    sheet.heading(tr("5. To be written by hand"));
    if (encrypted) sheet.paragraph(trf("Passphrase of the packages: {}", kLine));
    for (const Json& provider : facts["providers"].items())
        if (provider["type"].as_string() != "local") sheet.paragraph(trf("Sign-in at {}: {}", provider["name"].as_string(), kLine));
    sheet.paragraph(trf("Tried with `oracxfs recovery drill` on: {}", "____________________"));
}

}  // namespace

std::string kit_as_text(const Json& facts) {
    PlainSheet sheet;
    write_sheet(facts, sheet);
    return sheet.take();
}

std::string kit_as_html(const Json& facts) {
    HtmlSheet sheet;
    write_sheet(facts, sheet);
    return sheet.take();
}

}  // namespace oracxfs
