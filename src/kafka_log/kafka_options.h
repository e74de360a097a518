#pragma once

#include <cstdint>
#include <string>

#include "log/record_batch.h"

namespace tocsin {

// How the broker is spoken to. Secrets come from files or the environment and are never logged.
struct KafkaSecurity {
  std::string protocol = "PLAINTEXT";  // PLAINTEXT, SSL, SASL_PLAINTEXT, SASL_SSL
  std::string mechanism;               // PLAIN, SCRAM-SHA-256, SCRAM-SHA-512, OAUTHBEARER
  std::string user;
  std::string password;          // secret
  std::string ca_file;           // PEM; empty = the system's authorities
  std::string certificate_file;  // PEM, for mutual TLS
  std::string key_file;          // PEM
  std::string key_password;      // secret
  // OAUTHBEARER with OIDC (client credentials).
  std::string oauth_token_url;
  std::string oauth_client_id;
  std::string oauth_client_secret;  // secret
  std::string oauth_scope;
};

struct KafkaOptions {
  std::string brokers;  // host:port, comma-separated
  KafkaSecurity security;
  // In front of the names of changelog topics and transactional ids. All processes of one
  // installation share it.
  std::string app_id = "tocsin";
  // Names this process on the cluster: static membership and transactional ids. The same after a
  // restart, so that it takes its own place again at once; never the same in two processes.
  std::string instance_id;
  // Folder for copies of the keyed state; empty = none, a restart reads the changelog.
  std::string state_directory;

  Compression compression = Compression::kLz4;
  std::int32_t state_partitions = 4;  // of a store that nobody made with EnsureState()
  int replication = -1;               // of topics that are made here; -1 = the broker's default
  bool at_least_once = false;         // no transactions: repeats after a crash, lower latency

  std::int64_t connect_timeout_us = 0;  // to the first answer of a broker; 0 = for ever
  int transaction_timeout_ms =
      15'000;                       // a transaction of a process that died blocks readers so long
  int session_timeout_ms = 10'000;  // until the partitions of a process that died move on
  int request_timeout_ms = 10'000;  // of one request; below the transaction's timeout
};

}  // namespace tocsin
