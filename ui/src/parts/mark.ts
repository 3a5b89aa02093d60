// The shapes that tell a state without its colour.

export type Shape = "dot" | "ring" | "half" | "turn" | "cross" | "tick" | "wait" | "question";
export type Tone = "good" | "plain" | "warn" | "bad";
