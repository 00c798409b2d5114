//! Specifications of the guard: who is an operator, what they may do, and what is written down of it.

mod audit;
mod certificates;
mod decisions;
mod listeners;
mod reload;
mod replays;
