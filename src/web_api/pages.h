#pragma once

#include "server/http_message.h"

namespace tocsin {

// A file of the page: compressed as the browser takes it, 304 for one it has. Paths of the page's
// own routes get "/". Without a page in this build "/" says so; everything else is 404.
ServerResponse ServePage(const ServerRequest& request);

}  // namespace tocsin
