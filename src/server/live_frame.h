// Private to the module.
#pragma once

#include <array>
#include <memory>
#include <string>
#include <string_view>

#include "server/http_message.h"

struct z_stream_s;

namespace tocsin {

// Bytes of one or more whole frames as a reader gets them.
using LiveBytes = std::shared_ptr<const std::string>;

// Frames of one moment in every form that a reader may have asked for, shared by all of them.
class LiveFrame {
 public:
  const LiveBytes& In(LiveForm form) const { return forms_[Index(form)]; }

 private:
  friend class LiveEncoder;
  static std::size_t Index(LiveForm form) {
    return (form.details ? 2U : 0U) + (form.gzip ? 1U : 0U);
  }

  std::array<LiveBytes, 4> forms_;
};

// Encodes frames. Each is compressed by itself, as whole bytes of a gzip member (RFC 1952) that
// began with GzipBegin() and never ends: so the same bytes serve every reader, whenever it came.
// Threads: one at a time.
class LiveEncoder {
 public:
  LiveEncoder();
  ~LiveEncoder();
  LiveEncoder(const LiveEncoder&) = delete;
  LiveEncoder& operator=(const LiveEncoder&) = delete;

  static std::string_view GzipBegin();
  std::string Compressed(std::string_view text);
  // `details` are further frames, only for those who asked for details.
  LiveFrame Encode(std::string text, std::string_view details = {});

 private:
  std::unique_ptr<z_stream_s> stream_;
};

}  // namespace tocsin
