#include "web_api/access_file.h"

#include <fcntl.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/sha.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "base/json_text.h"
#include "base/time_text.h"

namespace tocsin {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::uint64_t kScryptN = 1u << 15;
constexpr std::uint64_t kScryptR = 8;
constexpr std::uint64_t kScryptP = 1;
constexpr std::uint64_t kScryptMemory = 64u << 20;
constexpr std::size_t kHashBytes = 32;
constexpr std::size_t kSaltBytes = 16;
constexpr std::size_t kShortestPassword = 12;
constexpr std::size_t kLongestPassword = 1024;
constexpr std::string_view kScopes[] = {"ingest", "read", "write"};

std::string RandomBytes(std::size_t count) {
  std::string bytes(count, '\0');
  if (::RAND_bytes(reinterpret_cast<unsigned char*>(bytes.data()), static_cast<int>(count)) != 1) {
    std::abort();  // no secret may come of anything else
  }
  return bytes;
}

std::string Scrypt(std::string_view password, std::string_view salt) {
  std::string hash(kHashBytes, '\0');
  const int done = ::EVP_PBE_scrypt(password.data(), password.size(),
                                    reinterpret_cast<const unsigned char*>(salt.data()),
                                    salt.size(), kScryptN, kScryptR, kScryptP, kScryptMemory,
                                    reinterpret_cast<unsigned char*>(hash.data()), hash.size());
  return done == 1 ? hash : std::string();
}

bool IsName(std::string_view name) {
  return !name.empty() && name.size() <= 64 && std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("._-@").find(c) != std::string_view::npos;
  });
}

// A base64 member of `size` bytes.
bool ReadBytes(const Json& item, const char* name, std::size_t size, std::string& out) {
  const auto found = item.find(name);
  return found != item.end() && found->is_string() &&
         DecodeBase64(found->get<std::string>(), out) && out.size() == size;
}

bool ReadName(const Json& item, std::string& out) {
  const auto found = item.find("name");
  if (found == item.end() || !found->is_string()) return false;
  out = found->get<std::string>();
  return IsName(out);
}

bool ReadUser(const Json& item, AccessUser& user) {
  return item.is_object() && ReadName(item, user.name) &&
         ReadBytes(item, "salt", kSaltBytes, user.salt) &&
         ReadBytes(item, "scrypt", kHashBytes, user.hash);
}

bool ReadToken(const Json& item, AccessToken& token) {
  if (!item.is_object() || !ReadName(item, token.name) ||
      !ReadBytes(item, "sha256", kHashBytes, token.digest)) {
    return false;
  }
  const auto scopes = item.find("scopes");
  if (scopes == item.end() || !scopes->is_array()) return false;
  for (const Json& scope : *scopes) {
    if (!scope.is_string()) return false;
    token.scopes.push_back(scope.get<std::string>());
    if (std::ranges::find(kScopes, token.scopes.back()) == std::end(kScopes)) return false;
  }
  const auto time_of = [&](const char* name, std::int64_t& time_us) {
    const auto found = item.find(name);
    if (found == item.end() || !found->is_string()) return found == item.end();
    const auto parsed = ParseTime(found->get<std::string>());
    time_us = parsed.value_or(0);
    return parsed.has_value();
  };
  return time_of("made", token.made_us) && time_of("expires", token.expires_us);
}

bool ReadList(const std::string& text, AccessList& list) {
  const Json json = Json::parse(text, nullptr, false);
  if (!json.is_object() || !json.contains("users") || !json.contains("tokens")) return false;
  if (!json["users"].is_array() || !json["tokens"].is_array()) return false;
  for (const Json& item : json["users"]) {
    if (!ReadUser(item, list.users.emplace_back())) return false;
  }
  for (const Json& item : json["tokens"]) {
    if (!ReadToken(item, list.tokens.emplace_back())) return false;
  }
  return true;
}

}  // namespace

std::string AccessFilePath(const std::string& data_dir) {
  return data_dir + "/access.json";
}

Result<AccessList> ReadAccessFile(const std::string& path) {
  AccessList list;
  struct stat info{};
  if (::stat(path.c_str(), &info) != 0 && errno == ENOENT) return list;
  if ((info.st_mode & 077) != 0) {
    return Fail(Code::kFailedPrecondition,
                path + " may be read by others; take that away: chmod 600 " + path);
  }
  TOCSIN_ASSIGN(const std::string text, ReadWholeFile(path));
  if (!ReadList(text, list)) {
    return Fail(Code::kDataLoss, path + " is no list of users and tokens; mend or remove it");
  }
  return list;
}

Status WriteAccessFile(const std::string& path, const AccessList& list) {
  Json json{{"users", Json::array()}, {"tokens", Json::array()}};
  for (const AccessUser& user : list.users) {
    json["users"].push_back(
        {{"name", user.name}, {"salt", Base64(user.salt)}, {"scrypt", Base64(user.hash)}});
  }
  for (const AccessToken& token : list.tokens) {
    Json item{{"name", token.name},
              {"sha256", Base64(token.digest)},
              {"scopes", token.scopes},
              {"made", FormatTime(token.made_us)}};
    if (token.expires_us != 0) item["expires"] = FormatTime(token.expires_us);
    json["tokens"].push_back(std::move(item));
  }
  TOCSIN_TRY(MakeDirectories(DirectoryOf(path)));
  const std::string temporary = path + ".new";
  ::unlink(temporary.c_str());
  {
    TOCSIN_ASSIGN(const FileDescriptor file,
                  OpenFile(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600));
    TOCSIN_TRY(WriteAll(file.get(), json.dump(2) + "\n", temporary));
  }
  return PublishFile(temporary, path);
}

Result<AccessUser> MakeUser(std::string name, std::string_view password) {
  if (!IsName(name)) {
    return Fail(Code::kInvalidArgument,
                "a user's name is 1 to 64 letters, digits and . _ - @; it is shown to others");
  }
  if (password.size() < kShortestPassword || password.size() > kLongestPassword) {
    return Fail(Code::kInvalidArgument, "a password has 12 to 1,024 bytes");
  }
  AccessUser user{.name = std::move(name), .salt = RandomBytes(kSaltBytes)};
  user.hash = Scrypt(password, user.salt);
  if (user.hash.empty()) return Fail(Code::kInternal, "scrypt failed");
  return user;
}

bool PasswordMatches(const AccessUser* user, std::string_view password) {
  if (password.size() > kLongestPassword) return false;
  const std::string nobody(kSaltBytes, 'x');
  const std::string hash = Scrypt(password, user == nullptr ? nobody : user->salt);
  return user != nullptr && !hash.empty() && SameSecret(hash, user->hash);
}

std::string RandomText() {
  std::string text = Base64(RandomBytes(32));
  std::ranges::replace(text, '+', '-');
  std::ranges::replace(text, '/', '_');
  return text.substr(0, text.find('='));
}

std::string NewToken() {
  return "tocsin_" + RandomText();
}

std::string TokenDigest(std::string_view token) {
  std::string digest(SHA256_DIGEST_LENGTH, '\0');
  ::SHA256(reinterpret_cast<const unsigned char*>(token.data()), token.size(),
           reinterpret_cast<unsigned char*>(digest.data()));
  return digest;
}

std::optional<std::size_t> FindToken(const AccessList& list, std::string_view token,
                                     std::int64_t now_us) {
  const std::string digest = TokenDigest(token);
  for (std::size_t i = 0; i < list.tokens.size(); ++i) {
    const AccessToken& known = list.tokens[i];
    if (known.expires_us != 0 && known.expires_us <= now_us) continue;
    if (SameSecret(known.digest, digest)) return i;
  }
  return std::nullopt;
}

bool SameSecret(std::string_view a, std::string_view b) {
  return a.size() == b.size() && ::CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace tocsin
