
"use strict";
document.getElementById("sign-out").submit();
