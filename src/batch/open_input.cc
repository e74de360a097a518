#include "batch/open_input.h"

#include <utility>

#include "batch/byte_source.h"
#include "batch/line_reader.h"
#include "batch/topic_source.h"

namespace tocsin {

Result<std::unique_ptr<RecordSource>> OpenInput(const Settings& settings, const BatchInput& input,
                                                Log* log, OpenOptions options) {
  const auto max_bytes = static_cast<std::size_t>(settings.max_event_bytes);
  if (input.topic.empty()) {
    options.from = input.from_bytes;
    options.to = input.to_bytes;
    TOCSIN_ASSIGN(std::unique_ptr<ByteSource> bytes, OpenByteSource(input.name, options));
    return std::make_unique<LineReader>(std::move(bytes), input.name, max_bytes, input.from_line,
                                        input.from_bytes);
  }
  if (log == nullptr) {
    return Fail(Code::kUsage, "input " + input.name + " needs the log of a data directory");
  }
  TOCSIN_ASSIGN(std::unique_ptr<TopicSource> topic,
                TopicSource::Open(*log, input.topic, max_bytes));
  return topic;
}

InputSequence::InputSequence(const Settings& settings, std::vector<BatchInput> inputs, Log* log)
    : settings_(settings), inputs_(std::move(inputs)), log_(log) {
  for (const BatchInput& input : inputs_) {
    if (input.stored_bytes == 0 && (input.name == "-" || !input.topic.empty())) {
      bytes_all_ = 0;
      return;
    }
    bytes_all_ += input.stored_bytes;
  }
}

Result<bool> InputSequence::Next(RecordChunk& chunk) {
  for (;;) {
    if (source_ == nullptr) {
      if (next_ == inputs_.size()) return false;
      TOCSIN_ASSIGN(source_, OpenInput(settings_, inputs_[next_++], log_));
    }
    TOCSIN_ASSIGN(const bool more, source_->Next(chunk));
    if (more) {
      // The chunk may outlive the source that made it.
      chunk.input = inputs_[next_ - 1].name;
      return true;
    }
    bytes_before_ += source_->bytes_done();
    source_.reset();
  }
}

std::uint64_t InputSequence::bytes_done() const {
  return bytes_before_ + (source_ == nullptr ? 0 : source_->bytes_done());
}

}  // namespace tocsin
