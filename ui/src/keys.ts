// The keys the help overlay lists. The handlers are in the components they belong to.

type Group = { where: string; keys: [string[], string][] };

export const KEYS: Group[] = [
  {
    where: "Everywhere",
    keys: [
      [["F6"], "Next part: ticket, requests, blotter, approval"],
      [["F8"], "To the approval that is waiting"],
      [["F9"], "Close the notice"],
      [["Ctrl", "+"], "Everything larger"],
      [["Ctrl", "-"], "Everything smaller"],
      [["Ctrl", "0"], "Everything in its usual size"],
      [["Tab"], "Next control"],
      [["F1", "?"], "This help"],
    ],
  },
  {
    where: "Connect",
    keys: [
      [["↑", "↓"], "Choose the identity"],
      [["Enter"], "Connect"],
    ],
  },
  {
    where: "Ticket",
    keys: [
      [["↑", "↓"], "Choose an instrument, a side, a time"],
      [["Space"], "Ask this dealer, or not"],
      [["Ctrl", "Enter"], "Send the request"],
    ],
  },
  {
    where: "Approval with a security key",
    keys: [
      [["Enter"], "Give the PIN; begin; try again"],
      [["Esc"], "Do not approve"],
    ],
  },
  {
    where: "A request",
    keys: [
      [["1", "…", "9"], "Choose the dealer on that line"],
      [["B"], "Buy at the offer"],
      [["S"], "Sell at the bid"],
      [["Enter"], "Show the terms; again to confirm them"],
      [["Esc"], "Do not trade: take the terms back"],
      [["←", "→"], "Previous or next request"],
      [["Del"], "Take an ended request off the screen"],
    ],
  },
];
