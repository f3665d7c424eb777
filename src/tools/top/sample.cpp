#include "tools/top/sample.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace pssst::tools::top {
namespace {

using Json = nlohmann::ordered_json;

std::string printable(std::string text) {
  std::ranges::replace_if(
      text, [](char c) { return c < ' ' || c > '~'; }, '?');
  return text;
}

std::string text_of(const Json& object, const char* name) {
  return printable(object.at(name).get<std::string>());
}

std::optional<double> age_of(const Json& object, const char* name) {
  const Json& age = object.at(name);
  return age.is_null() ? std::nullopt : std::optional(age.get<double>());
}

/// Every number among the object's values that counts something.
Counts counts_of(const Json& object) {
  Counts counts;
  for (const auto& [name, value] : object.items()) {
    if (value.is_number_unsigned()) counts.set(printable(name), value.get<std::uint64_t>());
  }
  return counts;
}

void read_part(const Json& object, Part& part) {
  part.counts = counts_of(object);
  part.drops = counts_of(object.at("drops"));
}

Sample::Worker worker_of(const Json& object) {
  Sample::Worker worker;
  read_part(object, worker);
  worker.cpu = object.at("cpu").get<std::uint64_t>();
  worker.self_request_age_seconds = age_of(object, "self_request_age_seconds");
  return worker;
}

Sample::Service service_of(const Json& object) {
  Sample::Service service;
  read_part(object, service);
  service.name = text_of(object, "name");
  service.udp_port = object.at("udp_port").get<std::uint64_t>();
  service.handler = text_of(object, "handler");
  for (const Json& key : object.at("keys")) {
    service.keys.push_back({.fingerprint = text_of(key, "fingerprint"),
                            .suite = text_of(key, "suite"),
                            .requests = key.at("requests").get<std::uint64_t>(),
                            .last_use_age_seconds = age_of(key, "last_use_age_seconds")});
  }
  for (const Json& backend : object.at("backends")) {
    service.backends.push_back({.address = text_of(backend, "address"),
                                .usable = backend.at("usable").get<bool>(),
                                .counts = counts_of(backend)});
  }
  return service;
}

std::optional<Sample::Store> store_of(const Json& object) {
  if (object.is_null()) return std::nullopt;
  Sample::Store store{.loaded = object.at("loaded").get<bool>(),
                      .refusing = object.at("refusing").get<bool>(),
                      .alarm = text_of(object, "alarm_text"),
                      .last_change_age_seconds = age_of(object, "newest_change_age_ms"),
                      .counts = counts_of(object)};
  if (store.last_change_age_seconds) *store.last_change_age_seconds /= 1000;
  return store;
}

Sample::Stage stage_of(const std::string& name, const Json& object) {
  Sample::Stage stage{
      .name = printable(name), .count = object.at("count").get<std::uint64_t>(), .buckets = {}};
  for (const Json& bucket : object.at("buckets")) {
    stage.buckets.emplace_back(bucket.at(0).get<double>(), bucket.at(1).get<std::uint64_t>());
  }
  return stage;
}

Sample sample_of(const Json& report) {
  Sample sample;
  sample.version = text_of(report, "version");
  sample.x25519_kernel = text_of(report, "x25519_kernel");
  sample.clients = report.at("clients").get<std::uint64_t>();
  sample.generation = report.at("generation").get<std::uint64_t>();
  sample.books_balance = report.at("books_balance").get<bool>();
  read_part(report.at("total"), sample.total);
  for (const Json& worker : report.at("workers")) sample.workers.push_back(worker_of(worker));
  for (const Json& service : report.at("services")) sample.services.push_back(service_of(service));
  for (const auto& [name, stage] : report.at("stages").items()) {
    sample.stages.push_back(stage_of(name, stage));
  }
  sample.later = counts_of(report.at("later"));
  sample.store = store_of(report.at("store"));
  for (const Json& device : report.at("devices")) {
    sample.devices.push_back({.name = text_of(device, "name"),
                              .link_up = device.at("link_up").get<bool>(),
                              .counts = counts_of(device)});
  }
  return sample;
}

std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    if (end > 0) lines.push_back(printable(std::string(text.substr(0, end))));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

}  // namespace

base::Result<Sample> parse_sample(std::string_view json, std::string_view health) {
  try {
    Sample sample = sample_of(Json::parse(json));
    sample.problems = lines_of(health);
    return sample;
  } catch (const Json::exception& error) {
    return base::fail(std::string("cannot read the server's counters: ") + error.what(), {},
                      "is it of the same version as this pssst?");
  }
}

}  // namespace pssst::tools::top
