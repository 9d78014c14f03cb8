/** A path that leads nowhere. */

import { ApiError } from "../../shared/http.js";
import { problemOf } from "../components/problem.js";

/** @type {import("../../shared/router.js").Open} */
export function notFoundPage({ setTitle }) {
  setTitle("There is nothing here");
  return { element: problemOf(new ApiError({ status: 404 }), () => location.reload()) };
}
