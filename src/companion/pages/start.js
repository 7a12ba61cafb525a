
"use strict";
const go = document.getElementById("go");
const next = new URL(go.href);
const rd = next.searchParams.get("rd");
if (rd !== null && location.hash.length > 1 && !rd.includes("#")) {
  // An address of more than 8 KiB ends at the app's root, so no more of it is sent.
  next.searchParams.set("rd", rd + location.hash.slice(0, 8192));
  go.href = next.href;
}
location.replace(go.href);
