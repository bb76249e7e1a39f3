#include "tools/oracxfs/wizard.h"

#include <charconv>

#include "base/translate.h"
#include "tools/oracxfs/secret_input.h"
#include "tools/oracxfs/sign_in_terminal.h"

namespace oracxfs {

bool may_ask(Cli& cli) { return !cli.flags().no_input && !cli.flags().json && can_prompt(); }

Result<std::string> ask(const std::string& question, const std::string& otherwise) {
    auto answer = ask_line(tr_sentence(question) + (otherwise.empty() ? "" : " [" + otherwise + "]"));
    if (!answer && answer.error().code == Errc::usage && !otherwise.empty()) return otherwise;
    return answer;
}

Result<int> ask_choice(const std::string& question, int choices, int otherwise) {
    for (;;) {
        ORACX_TRY(const std::string answer, ask(question, std::to_string(otherwise)));
        int number = 0;
        const auto [end, error] = std::from_chars(answer.data(), answer.data() + answer.size(), number);
        if (error == std::errc() && end == answer.data() + answer.size() && number >= 1 && number <= choices) return number;
        Output::write_stderr(trf("a number from 1 to {} was asked for", choices) + "\n");
    }
}

Result<std::string> free_name(Cli& cli, const std::string& wanted) {
    ORACX_TRY(const ConfigDocument document, cli.document());
    std::string name = wanted;
    for (int n = 2; document.find("providers." + name) != nullptr; ++n) name = wanted + "-" + std::to_string(n);
    return name;
}

Status read_host(const std::string& typed, std::string& host, std::int64_t& port) {
    std::string number;
    host = typed;
    if (typed.starts_with('[')) {
        const std::size_t end = typed.find(']');
        if (end == std::string::npos) return fail(Errc::usage, "read the host " + typed, "the bracket is not closed");
        host = typed.substr(1, end - 1);
        if (end + 1 < typed.size()) number = typed.substr(end + 1);
    } else if (const std::size_t colon = typed.find(':'); colon != std::string::npos && colon == typed.rfind(':')) {
        host = typed.substr(0, colon);
        number = typed.substr(colon);
    }
    if (host.empty()) return fail(Errc::usage, "read the host " + typed, "it has no name");
    if (number.empty()) return {};
    const auto [end, error] = std::from_chars(number.data() + 1, number.data() + number.size(), port);
    if (number[0] != ':' || error != std::errc() || end != number.data() + number.size() || port < 1 || port > 65'535)
        return fail(Errc::usage, "read the host " + typed, "its port is no number from 1 to 65535");
    return {};
}

}  // namespace oracxfs
