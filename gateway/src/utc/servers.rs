//! Asks time servers.

use super::Measure;
use rsntp::{Config, SntpClient};
use std::time::Duration;

/// An answer that takes longer says little.
const ANSWER_MAX: Duration = Duration::from_secs(2);

/// What each of these servers says that answers, one after the other.
pub fn ask(servers: &[String]) -> Vec<Measure> {
    let client = SntpClient::with_config(Config::default().timeout(ANSWER_MAX));
    let one = |server: &String| match client.synchronize(server.as_str()) {
        Ok(said) => {
            let us = |seconds: f64| (seconds * 1e6) as i64;
            Some(Measure {
                offset_us: us(said.clock_offset().as_secs_f64()),
                round_trip_us: us(said.round_trip_delay().as_secs_f64()),
            })
        }
        Err(e) => {
            tracing::warn!(server, error = %e, "a time server did not answer");
            None
        }
    };
    servers.iter().filter_map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{
        net::UdpSocket,
        time::{SystemTime, UNIX_EPOCH},
    };

    /// Seconds between 1900 and 1970.
    const NTP_EPOCH: f64 = 2_208_988_800.0;

    /// Answers one question as a server does whose clock is ahead by so much (RFC 5905, 7.3).
    fn server(ahead_s: f64) -> String {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let at = socket.local_addr().unwrap().to_string();
        std::thread::spawn(move || {
            let mut ask = [0; 48];
            let (_, from) = socket.recv_from(&mut ask).unwrap();
            let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs_f64();
            let stamp = (((since + NTP_EPOCH + ahead_s) * 2f64.powi(32)) as u64).to_be_bytes();
            let mut answer = [0; 48];
            (answer[0], answer[1], answer[3]) = (0b00_100_100, 1, 0xec);
            answer[16..24].copy_from_slice(&stamp);
            answer[24..32].copy_from_slice(&ask[40..48]);
            answer[32..40].copy_from_slice(&stamp);
            answer[40..48].copy_from_slice(&stamp);
            socket.send_to(&answer, from).unwrap();
        });
        at
    }

    #[test]
    fn the_offset_of_a_server_is_measured_and_one_that_is_away_is_left_out() {
        // Bound and never answered.
        let away = UdpSocket::bind("127.0.0.1:0").unwrap();
        let servers = [away.local_addr().unwrap().to_string(), server(3.0), server(-3.0)];
        let measures = ask(&servers);
        let seconds: Vec<f64> =
            measures.iter().map(|m| (m.offset_us as f64 / 1e6).round()).collect();
        assert_eq!(seconds, [3.0, -3.0], "{measures:?}");
    }
}
