#include "channels/signature.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>

#include "base/json_text.h"

namespace tocsin {
namespace {

constexpr std::size_t kMinKeyBytes = 24;
constexpr std::size_t kMaxKeyBytes = 64;

}  // namespace

Result<std::vector<std::string>> ParseWebhookSecrets(std::string_view text) {
  std::vector<std::string> keys;
  while (!text.empty()) {
    const std::size_t end = text.find_first_of(" \t\n");
    std::string_view secret = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (secret.empty()) continue;
    std::string key;
    if (secret.starts_with("whsec_")) secret.remove_prefix(6);
    if (!DecodeBase64(secret, key) || key.size() < kMinKeyBytes || key.size() > kMaxKeyBytes) {
      return Fail(Code::kInvalidArgument,
                  "a webhook secret is whsec_ and 24 to 64 bytes in base64, as made by "
                  "`echo whsec_$(openssl rand -base64 32)`");
    }
    keys.push_back(std::move(key));
  }
  if (keys.size() > 2) {
    return Fail(Code::kInvalidArgument, "at most two webhook secrets: the new and the old one");
  }
  return keys;
}

std::string SignWebhook(const std::vector<std::string>& keys, std::string_view id,
                        std::int64_t timestamp_s, std::string_view body) {
  std::string content(id);
  content.append(".").append(std::to_string(timestamp_s)).append(".").append(body);
  std::string signatures;
  for (const std::string& key : keys) {
    unsigned char digest[SHA256_DIGEST_LENGTH];
    unsigned size = sizeof(digest);
    HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
         reinterpret_cast<const unsigned char*>(content.data()), content.size(), digest, &size);
    if (!signatures.empty()) signatures += ' ';
    signatures += "v1," + Base64({reinterpret_cast<const char*>(digest), size});
  }
  return signatures;
}

std::string Sha256Hex(std::string_view text) {
  unsigned char digest[SHA256_DIGEST_LENGTH];
  SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest);
  std::string hex;
  for (const unsigned char byte : digest) {
    hex += "0123456789abcdef"[byte >> 4];
    hex += "0123456789abcdef"[byte & 15];
  }
  return hex;
}

}  // namespace tocsin
