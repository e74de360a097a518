#include <termios.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <iostream>

#include "app/commands.h"
#include "base/json_text.h"
#include "base/time_text.h"
#include "config/units.h"
#include "web_api/access_file.h"

// `user` and `token`: who may use the HTTP server.
namespace tocsin {
namespace {

struct AccessFlags {
  std::string name;
  std::string scopes = "ingest";
  std::string expires;
};

// One line of standard input; typed at a terminal it is not shown.
std::string ReadPassword() {
  termios shown{};
  const bool terminal = ::isatty(STDIN_FILENO) == 1 && ::tcgetattr(STDIN_FILENO, &shown) == 0;
  if (terminal) {
    std::fputs("password (12 characters or more): ", stderr);
    std::fflush(stderr);
    termios hidden = shown;
    hidden.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &hidden);
  }
  std::string password;
  std::getline(std::cin, password);
  if (terminal) {
    ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &shown);
    std::fputs("\n", stderr);
  }
  return password;
}

Result<int> AddUser(Session& session, const AccessFlags& flags) {
  const std::string path = AccessFilePath(session.settings.data_dir);
  TOCSIN_ASSIGN(AccessList list, ReadAccessFile(path));
  TOCSIN_ASSIGN(AccessUser user, MakeUser(flags.name, ReadPassword()));
  const auto known = std::ranges::find(list.users, flags.name, &AccessUser::name);
  if (known != list.users.end()) {
    *known = std::move(user);
  } else {
    list.users.push_back(std::move(user));
  }
  TOCSIN_TRY(WriteAccessFile(path, list));
  session.out.Line("user " + flags.name + " may log in");
  return 0;
}

Result<int> AddToken(Session& session, const AccessFlags& flags) {
  const std::string path = AccessFilePath(session.settings.data_dir);
  TOCSIN_ASSIGN(AccessList list, ReadAccessFile(path));
  if (std::ranges::find(list.tokens, flags.name, &AccessToken::name) != list.tokens.end()) {
    return Fail(Code::kFailedPrecondition,
                "there is a token " + flags.name + " already; remove it first");
  }
  // The name has the same form as a user's.
  TOCSIN_TRY(MakeUser(flags.name, "not used as a password"));
  AccessToken token{.name = flags.name, .made_us = session.clock.WallUs()};
  for (std::size_t at = 0; at <= flags.scopes.size();) {
    const std::size_t comma = std::min(flags.scopes.find(',', at), flags.scopes.size());
    const std::string scope = flags.scopes.substr(at, comma - at);
    if (scope != "ingest" && scope != "read" && scope != "write") {
      return Fail(Code::kUsage, "scope '" + scope + "': ingest, read or write");
    }
    token.scopes.push_back(scope);
    at = comma + 1;
  }
  if (!flags.expires.empty()) {
    token.expires_us = token.made_us + ParseDurationUs(flags.expires).value_or(0);
  }
  const std::string secret = NewToken();
  token.digest = TokenDigest(secret);
  list.tokens.push_back(std::move(token));
  TOCSIN_TRY(WriteAccessFile(path, list));
  session.out.Line(secret);
  std::fputs("It is shown this once. Programs send it as: Authorization: Bearer TOKEN\n", stderr);
  return 0;
}

template <class Item>
Result<int> Remove(Session& session, const AccessFlags& flags,
                   std::vector<Item> AccessList::* items, const char* what) {
  const std::string path = AccessFilePath(session.settings.data_dir);
  TOCSIN_ASSIGN(AccessList list, ReadAccessFile(path));
  if (std::erase_if(list.*items, [&](const Item& item) { return item.name == flags.name; }) == 0) {
    return Fail(Code::kNotFound, std::string("there is no ") + what + " " + flags.name);
  }
  TOCSIN_TRY(WriteAccessFile(path, list));
  return 0;
}
Result<int> RemoveUser(Session& session, const AccessFlags& flags) {
  return Remove(session, flags, &AccessList::users, "user");
}
Result<int> RemoveToken(Session& session, const AccessFlags& flags) {
  return Remove(session, flags, &AccessList::tokens, "token");
}

Result<int> ListUsers(Session& session, const AccessFlags&) {
  TOCSIN_ASSIGN(const AccessList list, ReadAccessFile(AccessFilePath(session.settings.data_dir)));
  std::string json = "[";
  for (const AccessUser& user : list.users) {
    if (!session.json) session.out.Line(user.name);
    json += json.size() > 1 ? ",{\"name\":" : "{\"name\":";
    AppendJsonString(json, user.name);
    json += '}';
  }
  if (session.json) session.out.Line(json + "]");
  return 0;
}

Result<int> ListTokens(Session& session, const AccessFlags&) {
  TOCSIN_ASSIGN(const AccessList list, ReadAccessFile(AccessFilePath(session.settings.data_dir)));
  std::string json = "[";
  for (const AccessToken& token : list.tokens) {
    std::string scopes;
    for (const std::string& scope : token.scopes) scopes += (scopes.empty() ? "" : ",") + scope;
    const std::string expires =
        token.expires_us == 0 ? std::string("never") : FormatTime(token.expires_us);
    if (!session.json) session.out.Line(token.name + "  " + scopes + "  expires " + expires);
    json += json.size() > 1 ? ",{\"name\":" : "{\"name\":";
    AppendJsonString(json, token.name);
    json +=
        ",\"scopes\":\"" + scopes + "\",\"made\":\"" + FormatTime(token.made_us) +
        "\",\"expires\":" + (token.expires_us == 0 ? std::string("null") : "\"" + expires + "\"") +
        "}";
  }
  if (session.json) session.out.Line(json + "]");
  return 0;
}

using Body = Result<int> (*)(Session&, const AccessFlags&);

std::pair<CLI::App*, std::shared_ptr<AccessFlags>> Add(CLI::App& family, Invocation& invocation,
                                                       const char* name, const char* help,
                                                       Body body) {
  auto flags = std::make_shared<AccessFlags>();
  CLI::App* command = family.add_subcommand(name, help);
  command->callback([flags, body, &invocation] {
    invocation.run = [flags, body](Session& session) { return body(session, *flags); };
  });
  return {command, flags};
}

void AddName(const std::pair<CLI::App*, std::shared_ptr<AccessFlags>>& added) {
  added.first->add_option("NAME", added.second->name, "1 to 64 letters, digits and . _ - @")
      ->required();
}

}  // namespace

void AddAccessCommands(CLI::App& root, Invocation& invocation) {
  CLI::App* users = root.add_subcommand("user", "People who may log in to the page");
  users->require_subcommand(1);
  AddName(Add(*users, invocation, "add",
              "Add a user, or give one a new password; it is read from standard input", AddUser));
  Add(*users, invocation, "ls", "List the users", ListUsers);
  AddName(Add(*users, invocation, "remove", "Remove a user", RemoveUser));

  CLI::App* tokens = root.add_subcommand("token", "Tokens of programs that use the HTTP API");
  tokens->require_subcommand(1);
  const auto add =
      Add(*tokens, invocation, "add", "Make a token and print it, this once", AddToken);
  AddName(add);
  add.first->add_option("--scopes", add.second->scopes, "ingest, read, write; comma-separated")
      ->type_name("LIST")
      ->capture_default_str();
  add.first->add_option("--expires", add.second->expires, "How long it is valid, as 90d")
      ->type_name("DURATION")
      ->check(CheckDuration, "", "");
  Add(*tokens, invocation, "ls", "List the tokens", ListTokens);
  AddName(Add(*tokens, invocation, "remove", "Remove a token: it is no longer taken", RemoveToken));
}

}  // namespace tocsin
