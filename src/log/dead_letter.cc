#include "log/dead_letter.h"

#include <string>
#include <vector>

namespace tocsin {

std::string DeadLetterHeaders(const DeadLetter& letter) {
  const std::string partition = std::to_string(letter.partition);
  const std::string offset = std::to_string(letter.offset);
  const std::string size = std::to_string(letter.truncated_from);
  std::vector<RecordHeader> headers = {
      {"tocsin.reason", letter.reason},
      {"tocsin.message", letter.message},
      {"__connect.errors.topic", letter.topic},
      {"__connect.errors.partition", partition},
      {"__connect.errors.offset", offset},
      {"__connect.errors.stage", letter.stage},
      {"__connect.errors.exception.message", letter.message},
  };
  if (letter.truncated_from >= 0) {
    headers.push_back({"tocsin.truncated", "true"});
    headers.push_back({"tocsin.size", size});
  }
  return EncodeHeaders(headers);
}

}  // namespace tocsin
