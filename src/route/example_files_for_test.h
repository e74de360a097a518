#pragma once

#include <string_view>

// Configuration files as Alertmanager's users have them, for the tests.
namespace tocsin {

// A small shop: old matcher maps, one level of routes, mail.
inline constexpr std::string_view kShopFile = R"yaml(
global:
  resolve_timeout: 5m
  smtp_smarthost: 'mail.example.org:587'
  smtp_from: alerts@example.org
  smtp_auth_username: alerts
  smtp_auth_password: hunter2
  smtp_require_tls: true
templates: ['/etc/alertmanager/templates/*.tmpl']
route:
  receiver: desk
  group_by: [alertname, site]
  group_wait: 30s
  group_interval: 5m
  repeat_interval: 3h
  routes:
  - match:
      severity: critical
    receiver: pager
    continue: true
  - match_re:
      site: ^(hall|roof)-[0-9]+$
    receiver: facility
    group_by: [site]
  - match:
      team: lab
    receiver: lab
    routes:
    - match_re: {device_id: 'probe-.*'}
      repeat_interval: 1d
receivers:
- name: desk
  email_configs:
  - to: desk@example.org
    headers: {subject: 'Sensors'}
- name: pager
  pagerduty_configs:
  - service_key: 0123456789abcdef
    send_resolved: false
- name: facility
  email_configs:
  - to: facility@example.org
    send_resolved: true
    tls_config: {ca_file: certs/ca.pem}
- name: lab
  webhook_configs:
  - url: https://hooks.example.org/lab?token=s3cret
    http_config:
      authorization: {credentials_file: lab.token}
inhibit_rules:
- source_match: {severity: critical}
  target_match_re: {severity: warning|info}
  equal: [alertname, device_id]
)yaml";

// A plant: deep routes, regular expressions, night hours of two zones, four services.
inline constexpr std::string_view kPlantFile = R"yaml(
global:
  slack_api_url: 'https://hooks.slack.example.org/services/T0/B0/xyz'
  opsgenie_api_key: og-key
  http_config:
    follow_redirects: false
    tls_config:
      ca_file: /etc/ssl/plant.pem
time_intervals:
- name: nights
  time_intervals:
  - times:
    - start_time: '22:00'
      end_time: '24:00'
    - start_time: '00:00'
      end_time: '06:00'
    location: Europe/Berlin
- name: office
  time_intervals:
  - weekdays: ['monday:friday']
    times: [{start_time: '09:00', end_time: '17:30'}]
    location: 'America/New_York'
mute_time_intervals:
- name: closing
  time_intervals:
  - days_of_month: ['-3:-1']
    months: ['december', '1', 'march:may']
    years: ['2026:2030', '2040']
  - weekdays: [saturday, sunday]
route:
  receiver: log-all
  group_by: ['...']
  group_wait: 0s
  group_interval: 1m
  repeat_interval: 12h
  routes:
  - matchers: [ 'site=~"north|south"' ]
    receiver: plant-slack
    group_by: [site, alertname]
    group_wait: 10s
    routes:
    - matchers:
      - severity="critical"
      - line!=""
      receiver: plant-page
      continue: true
      routes:
      - matchers: [ line=~"1.+" ]
        group_by: [line]
        routes:
        - matchers: [ 'device_id=~"(pump|valve)-\\d+"', 'shift!~"a|b"' ]
          receiver: pumps
          mute_time_intervals: [nights, closing]
        - matchers: [ '{device_id=~"fan-.*",shift="a"}' ]
          active_time_intervals: [office]
    - matchers: [ severity=~"critical|warning", site=north ]
      receiver: north
    - matchers: [ shift = "b" ]
      continue: true
      receiver: pumps
  - matchers: [ site!="", severity!="info" ]
    receiver: plant-page
inhibit_rules:
- source_matchers: [ alertname = GatewayDown ]
  target_matchers: [ 'alertname != GatewayDown', site =~ ".+" ]
  equal: [site]
- source_matchers: [ severity="critical" ]
  target_matchers: [ severity=~"warning|info" ]
  equal: ['alertname', 'device_id']
receivers:
- name: log-all
- name: plant-slack
  slack_configs:
  - channel: '#plant'
    title: 'Plant'
    actions:
    - {type: button, text: Open, url: 'https://tocsin.example.org'}
- name: plant-page
  opsgenie_configs:
  - responders: [{type: team, name: plant}]
  telegram_configs:
  - bot_token: 1:abc
    chat_id: -100
- name: north
  slack_configs:
  - api_url_file: secrets/north_url
    channel: '#north'
    send_resolved: true
- name: pumps
  webhook_configs:
  - url: http://127.0.0.1:9000/a
    max_alerts: 10
  - url: http://127.0.0.1:9000/b
    send_resolved: false
  pushover_configs:
  - user_key: u
    token: t
)yaml";

// A city: anchors, nested continues, a receiver that drops.
inline constexpr std::string_view kCityFile = R"yaml(
global:
  pagerduty_url: https://events.eu.pagerduty.example.org/v2/enqueue
  smtp_smarthost: localhost:25
  smtp_from: city@example.org
  smtp_require_tls: false
route: &root
  receiver: blackhole
  group_by: [alertname]
  routes:
  - receiver: water
    matchers: [team=water]
    group_by: [alertname, district]
    continue: false
    routes:
    - matchers: [severity=critical]
      receiver: water-night
      group_wait: 5s
      group_interval: 30s
    - matchers: ['district=~"0[1-4]"']
      continue: true
    - matchers: ['district=~"0[3-9]"']
      receiver: water-night
  - receiver: air
    matchers: [team=~"air|noise", district!~"1.*"]
    continue: true
  - receiver: air-night
    matchers: [team="air"]
    continue: true
    routes:
    - matchers: [alertname="Ozone"]
    - matchers: [alertname=~"PM(10|2_5)"]
      receiver: air
  - receiver: water
    match: {team: noise}
    match_re: {district: '[0-9]*'}
receivers:
- name: blackhole
- name: water
  email_configs: [{to: 'water@example.org'}]
- name: water-night
  pagerduty_configs: [{routing_key: abc, severity: critical}]
- name: air
  email_configs: [{to: air@example.org, require_tls: true}, {to: b@example.org}]
- name: air-night
  webhook_configs: [{url: 'http://localhost:1/'}]
)yaml";

}  // namespace tocsin
