#pragma once

#include "raw_client.hpp"
#include "service_fixture.hpp"

#include <troupe/service/api_server.hpp>

#include <memory>
#include <optional>
#include <string>
#include <utility>

namespace troupe::testing {

/// An API over a runtime of its own, and a client that speaks HTTP by hand.
class ApiTest : public ::testing::Test {
protected:
  void serve(service::api_options options = {}, service::run_book_options books = {},
             service::run_log_options kept = {}) {
    server.reset();
    book.reset();
    home.reset();
    auto log = std::make_shared<service::run_log>(kept);
    home = std::make_unique<runtime>(told_to(log));
    books.cluster = &cluster;
    book = std::make_unique<service::run_book>(*home, log, watched_by_hand(std::move(books)));
    token = options.token;
    server = std::make_unique<service::api_server>(std::move(options), *book, cluster);
  }

  struct reply {
    int status = 0;
    std::string head{};
    value body{};
    [[nodiscard]] std::string code() const {
      const auto code = body.at("error").at("code");
      return code.if_text() ? *code.if_text() : std::string();
    }
    [[nodiscard]] std::string message() const {
      const auto message = body.at("error").at("message");
      return message.if_text() ? *message.if_text() : std::string();
    }
  };

  [[nodiscard]] std::string head_of(const std::string& method, const std::string& target,
                                    const std::string& more = "") const {
    return method + ' ' + target + " HTTP/1.1\r\nHost: localhost\r\n"
           + (token.empty() ? "" : "Authorization: Bearer " + token + "\r\n") + more;
  }
  [[nodiscard]] static reply read(raw_client& from) {
    const auto text = from.read_response();
    const auto content = parse_json(body_of(text));
    return {status_of(text), text.substr(0, text.find("\r\n\r\n")), content ? *content : value()};
  }
  reply ask(const std::string& method, const std::string& target,
            const std::optional<value>& body = {}) const {
    raw_client client(server->address());
    auto text = head_of(method, target);
    if (body) {
      const auto content = write_json(*body);
      text += "Content-Type: application/json\r\nContent-Length: " + std::to_string(content.size())
              + "\r\n\r\n" + content;
    } else {
      text += "\r\n";
    }
    client.send(text);
    return read(client);
  }
  reply get(const std::string& target) const { return ask("GET", target); }
  reply post(const std::string& target, const std::optional<value>& body = {}) const {
    return ask("POST", target, body);
  }
  std::string start(const std::string& workflow, value input = {}) const {
    const auto made =
        post("/v1/runs", value::map({{"workflow", workflow}, {"input", std::move(input)}}));
    EXPECT_EQ(made.status, 201) << made.message();
    const auto id = made.body.at("run_id");
    return id.if_text() ? *id.if_text() : std::string();
  }
  /// Follows a run to its end; the whole stream.
  std::string follow(const std::string& run, const std::string& more = "") const {
    raw_client client(server->address());
    client.send(
        head_of("GET", "/v1/runs/" + run + "/events", "Accept: text/event-stream\r\n" + more)
        + "\r\n");
    return client.read_all();
  }

  fake_cluster cluster;
  std::unique_ptr<runtime> home;
  std::unique_ptr<service::run_book> book;
  std::unique_ptr<service::api_server> server;
  std::string token;
};

} // namespace troupe::testing
