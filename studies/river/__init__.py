"""What an LSTM makes of weather: the discharge of a river, the moisture of soil, and how far back."""
