#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

// Standard Webhooks (github.com/standard-webhooks, spec/standard-webhooks.md): symmetric
// signatures.
namespace tocsin {

// The keys of `whsec_<base64 of 24 to 64 bytes>`, at most two, separated by spaces: the new one
// and the one it replaces. kInvalidArgument, without the text.
Result<std::vector<std::string>> ParseWebhookSecrets(std::string_view text);

// `v1,<base64>` of HMAC-SHA256 over id.timestamp.body, one a key, separated by spaces.
std::string SignWebhook(const std::vector<std::string>& keys, std::string_view id,
                        std::int64_t timestamp_s, std::string_view body);

// Lower-case hexadecimal SHA-256: keys for services that limit their length.
std::string Sha256Hex(std::string_view text);

}  // namespace tocsin
