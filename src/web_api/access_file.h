#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

// Who may use the HTTP server: users with passwords and tokens for programs, in one file that only
// its owner may read. A password is kept as its scrypt hash, a token as its SHA-256: neither can be
// had back from the file.
namespace tocsin {

struct AccessUser {
  std::string name = {};
  std::string salt = {};  // 16 bytes
  std::string hash = {};  // 32 bytes: scrypt, N = 2^15, r = 8, p = 1
};

struct AccessToken {
  std::string name = {};
  std::string digest = {};               // SHA-256, 32 bytes
  std::vector<std::string> scopes = {};  // ingest, read, write
  std::int64_t made_us = 0;
  std::int64_t expires_us = 0;  // 0 = never
};

struct AccessList {
  std::vector<AccessUser> users = {};
  std::vector<AccessToken> tokens = {};
};

// DATA_DIR/access.json.
std::string AccessFilePath(const std::string& data_dir);
// An empty list for a missing file; kDataLoss for one that cannot be understood (nobody is let in
// then); kFailedPrecondition for one that others may read.
Result<AccessList> ReadAccessFile(const std::string& path);
// Replaces the file, mode 0600.
Status WriteAccessFile(const std::string& path, const AccessList& list);

// kInvalidArgument for a name that is not 1 to 64 of the characters A-Z, a-z, 0-9, '.', '_', '-',
// '@' and for a password below 12 or above 1,024 bytes.
Result<AccessUser> MakeUser(std::string name, std::string_view password);
// Takes as long whether `user` is there or not (nullptr): about a tenth of a second.
bool PasswordMatches(const AccessUser* user, std::string_view password);

// A new token: `tocsin_` and 43 characters of 256 random bits; shown once.
std::string NewToken();
// The token's digest as the file has it.
std::string TokenDigest(std::string_view token);
// The position of the token in the list, or nothing; expired ones do not count.
std::optional<std::size_t> FindToken(const AccessList& list, std::string_view token,
                                     std::int64_t now_us);

// 256 random bits of the operating system as 43 characters of base64url.
std::string RandomText();
// Compares in a time that does not depend on where the texts differ.
bool SameSecret(std::string_view a, std::string_view b);

}  // namespace tocsin
