// Small files to Dropbox or Google Drive with the fewest requests there are and nothing else: no state, no retries, no check.
//
//   raw_http dropbox|google-drive BASE_URL CA_FILE TOKEN_FILE FOLDER DIR CONNECTIONS
//
// FOLDER: a path at Dropbox, a folder's id at Drive. Dropbox: a session a file, then one commit for each 500. Drive: one
// multipart upload a file. Reads DIR before it starts; prints the seconds.

#include <curl/curl.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iostream>
#include <iterator>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

struct File {
    std::string name, content, session;
};

struct Call {
    std::string url, body, answer;
    std::vector<std::string> headers;
    curl_slist* list = nullptr;
    std::function<void(const std::string&)> done;
};

std::string slurp(const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    if (!file) throw std::runtime_error("can't read " + path.string());
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

std::size_t take(char* data, std::size_t size, std::size_t count, void* into) {
    static_cast<std::string*>(into)->append(data, size * count);
    return size * count;
}

// All calls, `connections` at a time.
class Client {
  public:
    Client(std::string ca, const std::string& token, long connections) : ca_(std::move(ca)), authorization_("Authorization: Bearer " + token), connections_(connections) {
        curl_multi_setopt(multi_, CURLMOPT_MAX_HOST_CONNECTIONS, connections);
        curl_multi_setopt(multi_, CURLMOPT_MAXCONNECTS, connections);
    }
    ~Client() { curl_multi_cleanup(multi_); }
    Client(const Client&) = delete;
    Client& operator=(const Client&) = delete;

    void run(const std::function<std::unique_ptr<Call>()>& next) { run(next, connections_); }
    void run(const std::function<std::unique_ptr<Call>()>& next, long at_once) {
        long running = 0;
        bool more = true;
        for (;;) {
            while (more && running < at_once) {
                auto call = next();
                more = call != nullptr;
                if (!more) break;
                start(std::move(call));
                ++running;
            }
            if (running == 0) return;
            int active = 0, left = 0;
            curl_multi_perform(multi_, &active);
            bool ended = false;
            while (const CURLMsg* message = curl_multi_info_read(multi_, &left)) {
                if (message->msg != CURLMSG_DONE) continue;
                --running;
                ended = true;
                finish(message->easy_handle, message->data.result);
            }
            if (!ended) curl_multi_poll(multi_, nullptr, 0, 1'000, nullptr);
        }
    }

  private:
    void start(std::unique_ptr<Call> call) {
        CURL* easy = idle_.empty() ? curl_easy_init() : idle_.back();
        if (!idle_.empty()) idle_.pop_back();
        call->list = curl_slist_append(nullptr, authorization_.c_str());
        for (const std::string& header : call->headers) call->list = curl_slist_append(call->list, header.c_str());
        call->list = curl_slist_append(call->list, "Expect:");
        curl_easy_setopt(easy, CURLOPT_URL, call->url.c_str());
        curl_easy_setopt(easy, CURLOPT_CAINFO, ca_.c_str());
        curl_easy_setopt(easy, CURLOPT_HTTPHEADER, call->list);
        curl_easy_setopt(easy, CURLOPT_POSTFIELDS, call->body.data());
        curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(call->body.size()));
        curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take);
        curl_easy_setopt(easy, CURLOPT_WRITEDATA, &call->answer);
        curl_easy_setopt(easy, CURLOPT_PRIVATE, call.release());
        curl_multi_add_handle(multi_, easy);
    }
    void finish(CURL* easy, CURLcode code) {
        char* raw = nullptr;
        curl_easy_getinfo(easy, CURLINFO_PRIVATE, &raw);
        const std::unique_ptr<Call> call(reinterpret_cast<Call*>(raw));
        long status = 0;
        curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
        curl_multi_remove_handle(multi_, easy);
        curl_slist_free_all(call->list);
        idle_.push_back(easy);
        if (code != CURLE_OK || status != 200)
            throw std::runtime_error(call->url + ": " + curl_easy_strerror(code) + ", " + std::to_string(status) + " " + call->answer);
        if (call->done) call->done(call->answer);
    }

    CURLM* multi_ = curl_multi_init();
    std::vector<CURL*> idle_;
    std::string ca_, authorization_;
    long connections_;
};

void to_dropbox(Client& client, const std::string& base, const std::string& folder, std::vector<File>& files) {
    std::size_t started = 0;
    client.run([&]() -> std::unique_ptr<Call> {
        if (started == files.size()) return nullptr;
        File& file = files[started++];
        auto call = std::make_unique<Call>();
        call->url = base + "/2/files/upload_session/start";
        call->headers = {R"(Dropbox-API-Arg: {"close":true})", "Content-Type: application/octet-stream"};
        call->body = file.content;
        call->done = [&file](const std::string& answer) {
            static const std::string before = "\"session_id\":";
            const auto found = answer.find(before);
            if (found == std::string::npos) throw std::runtime_error("no session: " + answer);
            const auto begin = answer.find('"', found + before.size()) + 1;
            file.session = answer.substr(begin, answer.find('"', begin) - begin);
        };
        return call;
    });
    std::size_t committed = 0;
    client.run([&]() -> std::unique_ptr<Call> {
        if (committed == files.size()) return nullptr;
        auto call = std::make_unique<Call>();
        call->url = base + "/2/files/upload_session/finish_batch_v2";
        call->headers = {"Content-Type: application/json"};
        call->body = "{\"entries\":[";
        for (const std::size_t end = std::min(files.size(), committed + 500); committed < end; ++committed) {
            const File& file = files[committed];
            if (call->body.back() == '}') call->body += ',';
            call->body += "{\"cursor\":{\"session_id\":\"" + file.session + "\",\"offset\":" + std::to_string(file.content.size()) +
                          "},\"commit\":{\"path\":\"" + folder + "/" + file.name + "\",\"mode\":\"add\"}}";
        }
        call->body += "]}";
        call->done = [](const std::string& answer) {
            if (answer.find("failure") != std::string::npos) throw std::runtime_error(answer.substr(0, 1'000));
        };
        return call;
    }, 1);  // Dropbox refuses commits beside one another
}

void to_drive(Client& client, const std::string& base, const std::string& folder, const std::vector<File>& files) {
    std::size_t started = 0;
    client.run([&]() -> std::unique_ptr<Call> {
        if (started == files.size()) return nullptr;
        const File& file = files[started++];
        auto call = std::make_unique<Call>();
        call->url = base + "/upload/drive/v3/files?uploadType=multipart&fields=id";
        call->headers = {"Content-Type: multipart/related; boundary=0123456789abcdef0123"};
        call->body = "--0123456789abcdef0123\r\nContent-Type: application/json; charset=UTF-8\r\n\r\n{\"name\":\"" + file.name + "\",\"parents\":[\"" +
                     folder + "\"]}\r\n--0123456789abcdef0123\r\nContent-Type: application/octet-stream\r\n\r\n" + file.content +
                     "\r\n--0123456789abcdef0123--\r\n";
        return call;
    });
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 8) {
        std::cerr << "usage: raw_http dropbox|google-drive BASE_URL CA_FILE TOKEN_FILE FOLDER DIR CONNECTIONS\n";
        return 2;
    }
    try {
        std::vector<File> files;
        for (const auto& each : std::filesystem::directory_iterator(argv[6])) files.push_back({each.path().filename(), slurp(each.path()), {}});
        std::string token = slurp(argv[4]);
        while (!token.empty() && token.back() == '\n') token.pop_back();
        Client client(argv[3], token, std::atol(argv[7]));
        const auto begin = std::chrono::steady_clock::now();
        if (std::string(argv[1]) == "dropbox") to_dropbox(client, argv[2], argv[5], files);
        else to_drive(client, argv[2], argv[5], files);
        std::cout << std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count() << std::endl;
        return 0;
    } catch (const std::exception& error) {
        std::cerr << "raw_http: " << error.what() << "\n";
        return 1;
    }
}
