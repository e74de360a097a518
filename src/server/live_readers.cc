#include "server/live_readers.h"

namespace tocsin {

// `visit` returns false for a reader that is to go.
template <class Visit>
void LiveReaders::ForEach(Visit visit) {
  for (auto at = readers_.begin(); at != readers_.end();) {
    at = visit(at->second) ? std::next(at) : Remove(at);
  }
}

LiveReaders::Readers::iterator LiveReaders::Remove(Readers::iterator at) {
  at->second.socket->Close();
  const auto next = readers_.erase(at);
  counts_.readers = readers_.size();
  return next;
}

void LiveReaders::Add(std::shared_ptr<LiveSocket> socket, LiveStart start) {
  const std::uint64_t id = ++last_id_;
  Reader& reader = readers_[id];
  reader.socket = std::move(socket);
  reader.allowed = std::move(start.allowed);
  reader.form = start.form;
  reader.socket->SetOnSent([this, id](bool ok) { OnSent(id, ok); });
  for (const auto& [number, frame] : recent_) {
    if (number > start.from) reader.queue.push_back(frame.In(reader.form));
  }
  counts_.readers = readers_.size();
  if (!Advance(reader)) Remove(readers_.find(id));
}

void LiveReaders::Tick(const LiveFrame& frame) {
  last_frame_us_ = clock_.SteadyUs();
  ForEach([&](Reader& reader) {
    if (reader.tick != nullptr) {
      ++reader.missed;
      ++counts_.skipped;
    }
    reader.tick = frame.In(reader.form);
    return Advance(reader);
  });
}

void LiveReaders::Queue(std::uint64_t number, const LiveFrame& frame) {
  recent_.emplace_back(number, frame);
  if (recent_.size() > kMaxRecent) recent_.pop_front();
  ForEach([&](Reader& reader) {
    if (reader.queue.size() >= kMaxQueue) {
      ++counts_.dropped;
      return false;
    }
    reader.queue.push_back(frame.In(reader.form));
    return Advance(reader);
  });
}

void LiveReaders::Sweep() {
  const std::int64_t now_us = clock_.SteadyUs();
  if (now_us - last_frame_us_ > kHeartbeatUs) Tick(heartbeat_);
  ForEach([&](const Reader& reader) {
    if (reader.sending && now_us - reader.since_us > stalled_us_) {
      ++counts_.dropped;
      return false;
    }
    return !reader.allowed || reader.allowed();
  });
}

void LiveReaders::CloseAll() {
  ForEach([](const Reader&) { return false; });
}

LiveBytes LiveReaders::TakeNext(Reader& reader) {
  if (!reader.queue.empty()) {
    LiveBytes bytes = std::move(reader.queue.front());
    reader.queue.pop_front();
    return bytes;
  }
  if (reader.tick != nullptr && reader.missed > 0) {
    const std::string number = std::to_string(std::exchange(reader.missed, 0));
    return encoder_.Encode("event: skipped\ndata: {\"skipped\":" + number + "}\n\n")
        .In(reader.form);
  }
  return std::exchange(reader.tick, nullptr);
}

// Sends what waits as far as the connection takes it; false when the connection is gone.
bool LiveReaders::Advance(Reader& reader) {
  while (!reader.sending) {
    const LiveBytes bytes = TakeNext(reader);
    if (bytes == nullptr) return true;
    const LiveSocket::Sent sent = reader.socket->Send(bytes);
    if (sent == LiveSocket::Sent::kFailed) return false;
    reader.sending = sent == LiveSocket::Sent::kLater;
    if (reader.sending) reader.since_us = clock_.SteadyUs();
  }
  return true;
}

void LiveReaders::OnSent(std::uint64_t id, bool ok) {
  const auto found = readers_.find(id);
  if (found == readers_.end()) return;
  found->second.sending = false;
  if (!ok || !Advance(found->second)) Remove(found);
}

}  // namespace tocsin
