// Private to the module.
#pragma once

#include <boost/asio.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/beast/core.hpp>
#include <memory>
#include <optional>
#include <utility>

#include "server/connection_places.h"

namespace tocsin {

namespace net = boost::asio;
namespace beast = boost::beast;
using boost::system::error_code;
using net::ip::tcp;

// A connection, plain or TLS, as one type: Beast's algorithms are compiled once.
class Stream {
 public:
  using executor_type = beast::tcp_stream::executor_type;

  Stream(tcp::socket socket, net::ssl::context* tls, std::unique_ptr<ConnectionPlace> place)
      : place_(std::move(place)), tcp_(std::move(socket)) {
    if (tls != nullptr) tls_.emplace(tcp_, *tls);
  }
  executor_type get_executor() { return tcp_.get_executor(); }
  beast::tcp_stream& layer() { return tcp_; }
  tcp::socket& socket() { return tcp_.socket(); }
  const ConnectionPlace& place() const { return *place_; }
  bool encrypted() const { return tls_.has_value(); }
  net::ssl::stream<beast::tcp_stream&>& tls() { return *tls_; }

  template <class Buffers, class Token>
  auto async_read_some(const Buffers& buffers, Token&& token) {
    if (tls_) return tls_->async_read_some(buffers, std::forward<Token>(token));
    return tcp_.async_read_some(buffers, std::forward<Token>(token));
  }
  template <class Buffers, class Token>
  auto async_write_some(const Buffers& buffers, Token&& token) {
    if (tls_) return tls_->async_write_some(buffers, std::forward<Token>(token));
    return tcp_.async_write_some(buffers, std::forward<Token>(token));
  }

 private:
  const std::unique_ptr<ConnectionPlace> place_;  // given back after the socket is closed
  beast::tcp_stream tcp_;
  std::optional<net::ssl::stream<beast::tcp_stream&>> tls_;
};

}  // namespace tocsin
