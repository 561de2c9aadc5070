import { expect, test } from "bun:test";
import { type RoomHolder, WebSocketRoom } from "./web-socket-room.ts";

/** One that holds what it is told to, and says when it was dropped. */
class Holder implements RoomHolder {
  heldBytes = 0;
  dropped = false;
  readonly customer: string;
  readonly #room: WebSocketRoom;

  constructor(room: WebSocketRoom, customer: string) {
    this.#room = room;
    this.customer = customer;
  }

  hold(bytes: number): this {
    this.heldBytes = bytes;
    this.#room.note(this);
    return this;
  }

  drop(): void {
    this.dropped = true;
    this.#room.leave(this);
  }
}

test("beyond the room those go that hold the most of the customer who has the most", () => {
  const room = new WebSocketRoom(1_000);
  const shop = new Holder(room, "shop").hold(400);
  const noisy = [50, 150, 100].map((bytes) => new Holder(room, "noisy").hold(bytes));
  expect([shop, ...noisy].some(({ dropped }) => dropped)).toBe(false);
  const last = new Holder(room, "noisy").hold(301);
  expect([shop, ...noisy, last].map(({ dropped }) => dropped)).toEqual([
    ...[false, false, false, false, true],
  ]);
  new Holder(room, "noisy").hold(300);
  expect(noisy.some(({ dropped }) => dropped)).toBe(false);
});

test("what was taken meanwhile, and what ended, holds nothing any more", () => {
  const room = new WebSocketRoom(1_000);
  const first = new Holder(room, "shop").hold(900);
  first.heldBytes = 0;
  const second = new Holder(room, "shop").hold(900);
  second.drop();
  const third = new Holder(room, "shop").hold(900);
  expect([first.dropped, third.dropped]).toEqual([false, false]);
  third.hold(1_001);
  expect([first.dropped, third.dropped]).toEqual([false, true]);
});
