#pragma once
// From what the server answered to the project's errors and objects.

#include <string>
#include <string_view>

#include "base/error.h"
#include "providers/provider.h"
#include "providers/sftp/sftp_wire.h"

namespace oracxfs::sftp {

// The meaning of a code by itself. FX_FAILURE stands for a dozen things; without further looking it is `unavailable`.
Errc errc_of(Fx code);

// "FX_FAILURE 4 'Failure'"
std::string describe(const Answer& answer);

// `path` decides between a refused and a too long name.
Error error_of(const Answer& answer, std::string what, std::string_view path = {});

// Version 3 knows no content identity and whole seconds only: two contents of one size within one second share a rev.
std::string rev_of(const Attrs& attrs);
RemoteObject object_of(const ObjectKey& key, const Attrs& attrs);

// A name that came from a server and may be joined to a path.
bool is_safe_name(std::string_view name);

}  // namespace oracxfs::sftp
