#pragma once
// Owners of libcurl's handles.

#include <curl/curl.h>

#include <memory>
#include <string>

#include "base/free_with.h"

namespace oracxfs::http {

using CurlEasy = std::unique_ptr<CURL, FreeWith<&curl_easy_cleanup>>;
using CurlMulti = std::unique_ptr<CURLM, FreeWith<&curl_multi_cleanup>>;
using CurlUrl = std::unique_ptr<CURLU, FreeWith<&curl_url_cleanup>>;
using CurlText = std::unique_ptr<char, FreeWith<&curl_free>>;

class CurlList {
  public:
    void append(const std::string& line) {
        // The list stays as it was when there is no memory for one more.
        if (curl_slist* const longer = curl_slist_append(list_.get(), line.c_str())) {
            static_cast<void>(list_.release());
            list_.reset(longer);
        }
    }
    [[nodiscard]] curl_slist* get() const { return list_.get(); }

  private:
    std::unique_ptr<curl_slist, FreeWith<&curl_slist_free_all>> list_;
};

}  // namespace oracxfs::http
