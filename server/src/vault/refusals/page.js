const text = document.getElementById("text");
const button = document.getElementById("button");
const [, token, encoded] = /^#([\w-]{22})\.(.+)$/.exec(location.hash) ?? [];
let address = "";
try {
  address = decodeURIComponent(encoded ?? "");
} catch {
  // The link is not whole.
}
// Nobody shall make this page say something by what stands behind the #.
if (!/^[\p{L}\p{N}!#$%&'*+\-=^_{|}~.]{1,64}@[\p{L}\p{N}.-]{1,190}$/u.test(address)) address = "";
let refused = false;

const offer = (words, action) => {
  text.textContent = words;
  button.textContent = action;
  button.hidden = action === "";
};

button.addEventListener("click", async () => {
  button.disabled = true;
  try {
    const response = await fetch("mail/refusals", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ address, token, refused: !refused }),
    });
    if (response.ok) {
      refused = !refused;
      if (refused) offer(`No more mails go from here to ${address}.`, "Allow mails again");
      else offer(`Mails may go from here to ${address} again.`, "Send me no more mails");
    } else if (response.status === 404) {
      offer("This link is not whole, or too old. Use the one in the newest mail.", "");
    } else {
      offer("This did not work. Try again in a moment.", button.textContent);
    }
  } catch {
    offer("The server cannot be reached. Try again in a moment.", button.textContent);
  }
  button.disabled = false;
});

if (address) offer(`Shall no more mails go from here to ${address}? Nobody is told.`, "Send me no more mails");
else offer("This link is not whole. Open it again from the mail, with all that stands behind the #.", "");
