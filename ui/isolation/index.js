// Stands between the page and the desk: a message that is not in the contract ends here, before
// the program sees it. `tests/ipc.rs` checks that the list is the contract.
const ALLOWED = new Set([
  "info",
  "identities",
  "read_invitation",
  "enrol",
  "give_pin",
  "connect",
  "disconnect",
  "reference",
  "read_quantity",
  "settlement_dates",
  "send_rfq",
  "cancel_rfq",
  "dismiss_rfq",
  "arm",
  "set_limit",
  "approve_ahead",
  "disarm",
  "accept",
  "pull",
  "park",
  "blotter",
  "begin_step_up",
  "give_key_pin",
  "stop_step_up",
  "refuse_step_up",
  "verify_now",
  "register_key",
  "touch_simulated_key",
  "security",
  "look",
  "keep_look",
  "log_lines",
  "support_report",
  "alert",
  "plugin:event|listen",
  "plugin:event|unlisten",
  // Exist in measuring builds only; elsewhere the program refuses them.
  "bench_frames",
  "first_paint",
]);

window.__TAURI_ISOLATION_HOOK__ = (message) => {
  if (!ALLOWED.has(message.cmd)) throw new Error("command outside the contract: " + message.cmd);
  return message;
};
